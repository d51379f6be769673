"""Sessions in a browser: tokens in cookies that no script can read, and CSRF tokens in cookies that one has to."""

import hmac

from flask import Response, request
from flask_jwt_extended import set_access_cookies, unset_access_cookies

from shared.accounts import tokens
from web.neighbours import neighbours
from web.signing import CSRF_HEADER, csrf_failed

REFRESH_COOKIE = "refresh_token_cookie"
REFRESH_CSRF_COOKIE = "csrf_refresh_token"
# Sent to /auth/refresh and /auth/logout, and not with every call.
REFRESH_PATH = "/auth"


def give(answer: Response, access_token: str, refresh_token: str) -> None:
    """Let the browser keep the tokens for as long as they live."""
    settings = neighbours().settings
    set_access_cookies(answer, access_token, max_age=settings.access_token_seconds)
    _set_refresh(answer, refresh_token, _csrf(refresh_token), settings.refresh_token_seconds)


def take(answer: Response) -> Response:
    """Let the browser forget them."""
    unset_access_cookies(answer)
    _set_refresh(answer, "", "", 0)
    return answer


def refresh_token() -> str | None:
    """The refresh token in the request's cookie. Raises AppError `csrf_failed` (403)."""
    token = request.cookies.get(REFRESH_COOKIE)
    if not token:
        return None
    if not hmac.compare_digest(request.headers.get(CSRF_HEADER, "").encode(), _csrf(token).encode()):
        raise csrf_failed()
    return token


def _csrf(token: str) -> str:
    """Follows from the token, so that it need not be kept, and tells nothing about it."""
    return tokens.hashed(f"csrf:{token}")


def _set_refresh(answer: Response, token: str, csrf: str, seconds: int) -> None:
    secure = neighbours().settings.public_url.startswith("https://")
    answer.set_cookie(
        REFRESH_COOKIE, token, max_age=seconds, path=REFRESH_PATH, secure=secure, httponly=True, samesite="Lax"
    )
    answer.set_cookie(REFRESH_CSRF_COOKIE, csrf, max_age=seconds, path="/", secure=secure, samesite="Lax")
