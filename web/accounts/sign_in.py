"""Signing in, staying signed in, signing out."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from uuid import UUID

from flask import Response, after_this_request, request

from shared.accounts import activity, sessions
from shared.accounts.activity import Kind
from shared.accounts.sessions import Opened
from shared.errors import AppError
from web import cookies, signing
from web.accounts.guessing import authenticate
from web.accounts.schemas import CookieSession, Login, RefreshTokenGiven, SignedIn, Token, Where
from web.auth import demand_session, public, who_is_asking
from web.client import client
from web.limits import limited
from web.neighbours import neighbours, transaction
from web.openapi import reply, resource

accounts = resource("accounts", __name__, public_routes=True)


@accounts.post("/auth/login", responses={200: SignedIn})
@public
@limited("30 per minute")
def login(body: Login) -> Response:
    """Sign in with an e-mail address and a password."""
    known = authenticate(body.email, body.password)
    lasts, where = neighbours().settings.refresh_token_seconds, client()
    with transaction() as session:
        opened = sessions.begin(session, known.id, where, lasts_seconds=lasts, password_hash=known.password_hash)
        activity.note(session, known.id, Kind.SIGNED_IN, where, session_id=str(opened.session_id))
    return _signed_in(opened, body.session)


@accounts.post("/auth/refresh", responses={200: SignedIn})
@public
@limited("120 per minute")
def refresh_session(body: RefreshTokenGiven) -> Response:
    """Have a fresh access token, and the next refresh token, for this refresh token.

    Each is used once: one that comes again ends the session, except within a few seconds, as from two tabs.
    """
    token = body.refresh_token or cookies.refresh_token()
    if token is None:
        raise signing.unknown()
    where: Where = "token" if body.refresh_token else "cookie"
    with _dead_cookies_taken(when=where == "cookie"):
        opened = sessions.refresh(transaction, neighbours().settings, token, client())
    return _signed_in(opened, where)


@accounts.post("/auth/logout", responses={204: None})
@public
def logout(body: RefreshTokenGiven) -> Response:
    """End the session at once, whose refresh token or access token this is."""
    user_id, session_id = _session_to_end(body.refresh_token)
    with transaction() as session:
        if sessions.revoke(session, user_id, session_id):
            activity.note(session, user_id, Kind.SIGNED_OUT, client(), session_id=str(session_id))
    return Response(status=204)


def _session_to_end(given: str | None) -> tuple[UUID, UUID]:
    """(user, session): the token in the body says, else the header, else the cookies."""
    by_cookie = given is None and "Authorization" not in request.headers
    token = cookies.refresh_token() if by_cookie else given
    # A request of another site's brings no cookies, and must not make the browser forget them.
    with _dead_cookies_taken(when=by_cookie and bool(token or signing.ACCESS_COOKIE in request.cookies)):
        found = _known_by(token) if token else _asking()
        if found is None:
            raise signing.unknown()
    if by_cookie:
        after_this_request(cookies.take)
    return found


@contextmanager
def _dead_cookies_taken(*, when: bool) -> Iterator[None]:
    """Let the browser forget cookies that turn out to be worth nothing any more (401)."""
    try:
        yield
    except AppError as error:
        if when and error.status == HTTPStatus.UNAUTHORIZED:
            after_this_request(cookies.take)
        raise


def _known_by(token: str) -> tuple[UUID, UUID] | None:
    with transaction() as session:
        return sessions.of_token(session, token)


def _asking() -> tuple[UUID, UUID]:
    asking = who_is_asking()
    return asking.user_id, demand_session(asking)


def _signed_in(opened: Opened, where: Where) -> Response:
    settings = neighbours().settings
    access_token = signing.access_token(opened)
    lives = CookieSession(expires_in=settings.access_token_seconds, refresh_expires_in=settings.refresh_token_seconds)
    if where == "cookie":
        answer = reply(lives)
        cookies.give(answer, access_token, opened.refresh_token)
    else:
        answer = reply(Token(access_token=access_token, refresh_token=opened.refresh_token, **lives.model_dump()))
    answer.headers["Cache-Control"] = "no-store"
    return answer
