"""Who is asking, and may they. Every route demands an answer, unless its view says that it is public."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar
from uuid import UUID

from flask import Flask, current_app, g, request

from shared import log
from shared.accounts import access
from shared.accounts.access import Caller
from shared.accounts.api_keys import MARK, Scope
from shared.config import Settings
from shared.errors import AppError
from web import signing
from web.neighbours import single_statements

P = ParamSpec("P")
R = TypeVar("R")
READING = {"GET", "HEAD", "OPTIONS"}


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view as open to anyone."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def session_only(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view as closed to API keys: what it does is for the person themselves."""
    view.is_session_only = True  # type: ignore[attr-defined]
    return view


def admin_only(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view as open to operators only, and not to their API keys."""
    view.is_admin_only = True  # type: ignore[attr-defined]
    return session_only(view)


def needs(scope: Scope) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Demand this scope of an API key, where the method alone says another."""

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        view.needed_scope = scope  # type: ignore[attr-defined]
        return view

    return mark


def is_public(view: Callable[..., object]) -> bool:
    """Whether the view is marked as open to anyone."""
    return getattr(view, "is_public", False)


def is_session_only(view: Callable[..., object]) -> bool:
    """Whether the view is marked as closed to API keys."""
    return getattr(view, "is_session_only", False)


def is_admin_only(view: Callable[..., object]) -> bool:
    """Whether the view is marked as open to operators only."""
    return getattr(view, "is_admin_only", False)


def register(app: Flask, settings: Settings) -> None:
    """Guard every route of `app`."""
    signing.register(app, settings)
    app.before_request(_guard)


def caller() -> Caller:
    """Who asked and by what, as the guard found out."""
    found: Caller = g.caller
    return found


def user_id() -> UUID:
    """Who asked, as the guard found out."""
    return caller().user_id


def who_is_asking() -> Caller:
    """Whose the request's credentials are: an API key, else an access token, else one in a cookie.

    A bad header never falls back to the cookie. Raises AppError `token_expired`, `not_authenticated` (401),
    `csrf_failed` (403).
    """
    header = request.headers.get("Authorization")
    if header is None:
        return _known(_by_token("cookies"))
    scheme, space, token = header.partition(" ")
    if scheme.lower() == "bearer":
        # The scheme's case does not matter (RFC 9110, 11.1), but the library compares it.
        request.environ["HTTP_AUTHORIZATION"] = f"Bearer{space}{token}"
        if token.startswith(MARK):
            return _known(_by_key(token))
    return _known(_by_token("headers"))


def demand_session(asking: Caller) -> UUID:
    """The session that asks. Raises AppError `insufficient_scope` (403) for an API key."""
    if asking.session_id is None:
        raise AppError("insufficient_scope", "No API key can do this. Sign in to do it.", 403)
    return asking.session_id


def _guard() -> None:
    # Without an endpoint nothing will be run: 404 or 405 follows.
    if request.endpoint is None or is_public(current_app.view_functions[request.endpoint]):
        return
    g.caller = who_is_asking()
    log.bind(user_id=str(g.caller.user_id))
    _check(g.caller, current_app.view_functions[request.endpoint])


def _check(asking: Caller, view: Callable[..., object]) -> None:
    if is_session_only(view):
        demand_session(asking)
    if is_admin_only(view) and not asking.is_admin:
        raise AppError("not_allowed", "This is for operators.", 403)
    needed = getattr(view, "needed_scope", Scope.READ if request.method in READING else Scope.WRITE)
    if asking.key_id is not None and needed not in asking.scopes:
        raise AppError("insufficient_scope", f"This API key does not have the scope “{needed}”.", 403)


def _by_token(location: str) -> Caller | None:
    user_id, session_id = signing.claimed(location)
    with single_statements() as connection:
        return access.by_session(connection, user_id, session_id)


def _by_key(key: str) -> Caller | None:
    with single_statements() as connection:
        return access.by_key(connection, key)


def _known(found: Caller | None) -> Caller:
    if found is None:
        raise signing.unknown()
    return found
