"""Who is asking. Every route demands an answer to that, unless its view says that it is public."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar
from uuid import UUID

from flask import Flask, current_app, g, request
from flask_jwt_extended import JWTManager, get_jwt_identity, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import ExpiredSignatureError, PyJWTError

from shared import log
from shared.accounts import users
from shared.config import Settings
from shared.errors import AppError
from web.neighbours import single_statements

P = ParamSpec("P")
R = TypeVar("R")
ISSUER = "onevoice"


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view as open to anyone."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def is_public(view: Callable[..., object]) -> bool:
    """Whether the view is marked as open to anyone."""
    return getattr(view, "is_public", False)


def register(app: Flask, settings: Settings) -> None:
    """Guard every route of `app`."""
    app.config.update(
        JWT_SECRET_KEY=settings.jwt_secret.get_secret_value(),
        JWT_ACCESS_TOKEN_EXPIRES=settings.access_token_seconds,
        JWT_TOKEN_LOCATION=["headers"],
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
    )
    JWTManager(app)
    app.before_request(_guard)


def user_id() -> UUID:
    """Who asked, as the guard found out."""
    found: UUID = g.user_id
    return found


def who_is_asking() -> UUID:
    """The user behind the request's credentials. Raises AppError `token_expired`, `not_authenticated` (401)."""
    _spell_scheme()
    try:
        if verify_jwt_in_request() is None:  # it lets OPTIONS through unseen
            raise _unknown()
        claimed = UUID(get_jwt_identity())
    except ExpiredSignatureError:
        raise AppError("token_expired", "The access token has expired. Sign in again.", 401) from None
    except (JWTExtendedException, PyJWTError, ValueError):
        raise _unknown() from None
    with single_statements() as connection:
        if not users.is_active(connection, claimed):
            raise _unknown()
    return claimed


def _guard() -> None:
    # Without an endpoint nothing will be run: 404 or 405 follows.
    if request.endpoint is None or is_public(current_app.view_functions[request.endpoint]):
        return
    g.user_id = who_is_asking()
    log.bind(user_id=str(g.user_id))


def _spell_scheme() -> None:
    """The scheme's case does not matter (RFC 9110, 11.1), but the library compares it."""
    scheme, space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        request.environ["HTTP_AUTHORIZATION"] = f"Bearer{space}{token}"


def _unknown() -> AppError:
    return AppError("not_authenticated", "Sign in and send the access token as Authorization: Bearer.", 401)
