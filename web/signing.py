"""Access tokens: signed with this installation's secret, which may change while the old one's tokens live on."""

import hashlib
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Flask, current_app, request
from flask_jwt_extended import JWTManager, create_access_token, get_jwt, get_jwt_identity, verify_jwt_in_request
from flask_jwt_extended.exceptions import CSRFError, JWTExtendedException
from jwt.exceptions import ExpiredSignatureError, InvalidKeyError, PyJWTError
from pydantic import SecretStr

from shared.accounts.sessions import Opened
from shared.config import Settings
from shared.errors import AppError

ISSUER = "onevoice"
ACCESS_COOKIE = "access_token_cookie"
CSRF_HEADER = "X-CSRF-TOKEN"
KEY_ID_CHARACTERS = 12
KEY = "onevoice-tokens"
# Each takes about a kilobyte.
MOST_KEPT = 4096


class CheckedTokens:
    """Headers whose signature was found good, until their token's end: it takes longer to check than to look up.

    Only the signature is remembered; whether the session is still on, the database is asked each time.
    """

    def __init__(self) -> None:
        self._owners: dict[str, tuple[tuple[UUID, UUID], float]] = {}

    def owner(self, header: str) -> tuple[UUID, UUID] | None:
        """(user, session) of a header that was checked before; None once its token has expired."""
        owner, expires_at = self._owners.get(header, (None, 0.0))
        return owner if time.time() < expires_at else None

    def keep(self, header: str, owner: tuple[UUID, UUID], expires_at: float) -> None:
        """Remember a header that was just checked; `expires_at` in seconds since 1970."""
        if len(self._owners) >= MOST_KEPT:
            self._owners.clear()
        self._owners[header] = owner, expires_at


def register(app: Flask, settings: Settings) -> None:
    """Let `app` sign and read access tokens, in headers and in cookies."""
    app.config.update(
        JWT_SECRET_KEY=settings.jwt_secret.get_secret_value(),
        JWT_ACCESS_TOKEN_EXPIRES=settings.access_token_seconds,
        JWT_TOKEN_LOCATION=["headers", "cookies"],
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ACCESS_COOKIE_NAME=ACCESS_COOKIE,
        JWT_ACCESS_CSRF_HEADER_NAME=CSRF_HEADER,
        JWT_COOKIE_SAMESITE="Lax",
        JWT_COOKIE_SECURE=settings.public_url.startswith("https://"),
    )
    app.extensions[KEY] = CheckedTokens()
    manager = JWTManager(app)
    signed_by = key_id(settings.jwt_secret)
    manager.additional_headers_loader(lambda _: {"kid": signed_by})
    manager.decode_key_loader(_choice(settings))


def key_id(secret: SecretStr) -> str:
    """The name of a secret in the tokens that it signs."""
    return hashlib.sha256(secret.get_secret_value().encode()).hexdigest()[:KEY_ID_CHARACTERS]


def access_token(opened: Opened) -> str:
    """A token for the session; the role in it is for the client to read, the database's counts."""
    claims = {"sid": str(opened.session_id), "role": opened.role}
    token: str = create_access_token(identity=str(opened.user_id), additional_claims=claims)
    return token


def claimed(location: str) -> tuple[UUID, UUID]:
    """(user, session) that the request's token names; `location` is "headers" or "cookies".

    Raises AppError `token_expired`, `not_authenticated` (401), `csrf_failed` (403, for a cookie).
    """
    header = request.headers.get("Authorization", "") if location == "headers" else ""
    checked: CheckedTokens = current_app.extensions[KEY]
    known = checked.owner(header)
    if known is not None:
        return known
    if location == "cookies" and not request.headers.get(CSRF_HEADER, "").isascii():
        raise csrf_failed()  # the library compares text, which Python does for ASCII only
    try:
        if verify_jwt_in_request(locations=[location]) is None:  # it lets OPTIONS through unseen
            raise unknown()
        owner = UUID(get_jwt_identity()), UUID(str(get_jwt().get("sid")))
    except ExpiredSignatureError:
        raise AppError("token_expired", "The access token has expired. Refresh it, or sign in again.", 401) from None
    except CSRFError:
        raise csrf_failed() from None
    except (JWTExtendedException, PyJWTError, ValueError):
        raise unknown() from None
    if header:
        checked.keep(header, owner, get_jwt()["exp"])
    return owner


def unknown() -> AppError:
    """The one answer to credentials that are missing or wrong."""
    return AppError("not_authenticated", "Sign in and send the access token as Authorization: Bearer.", 401)


def csrf_failed() -> AppError:
    """The answer to a cookie that another site might have made the browser send."""
    return AppError("csrf_failed", f"Send the value of the readable csrf cookie as {CSRF_HEADER} too.", 403)


def _choice(settings: Settings) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    secrets = (settings.jwt_secret, settings.jwt_previous_secret)
    known = {key_id(secret): secret.get_secret_value() for secret in secrets if secret is not None}

    def choose(header: dict[str, Any], _: dict[str, Any]) -> str:
        try:
            return known[header["kid"]]
        except KeyError:
            raise InvalidKeyError("This token was signed with a secret that is not accepted.") from None

    return choose
