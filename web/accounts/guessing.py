"""Signing in, slowed down for who guesses, and never for the account's owner.

An account that strangers guess at is slow for strangers. Where its owner signed in before, the browser has a cookie
that says so, and its tries are counted apart: nobody else's guesses stand in its way. The cookie opens nothing, and
nothing about it tells whether there is an account.
"""

import secrets

from flask import Response, after_this_request, request
from itsdangerous import BadData, URLSafeTimedSerializer

from shared.accounts import attempts, passwords, users
from shared.accounts.attempts import Action
from shared.models import User
from web.neighbours import neighbours, transaction

COOKIE = "ov_device"
PATH = "/auth"
SECONDS = 365 * 24 * 3600


def authenticate(email: str, password: str) -> User:
    """Who this is; what goes wrong counts.

    Raises AppError `wrong_credentials` (401), `too_many_requests` (429), `busy` (503), which does not count.
    """
    who = users.normal_email(email)
    device = _device(who)
    with passwords.turn():
        with transaction() as session:
            attempts.guess(session, Action.SIGN_IN, who, device)
        known = users.authenticate(transaction, email, password)
    with transaction() as session:
        attempts.forget(session, Action.SIGN_IN, who, device)
    _remember(who, device or secrets.token_urlsafe(12))
    return known


def _device(who: str) -> str:
    """The name of the browser, if this address signed in from it."""
    for serializer in _serializers(who):
        try:
            return str(serializer.loads(request.cookies.get(COOKIE, ""), max_age=SECONDS))
        except BadData:
            continue
    return ""


def _remember(who: str, device: str) -> None:
    settings = neighbours().settings
    value = _serializers(who)[0].dumps(device)
    secure = settings.public_url.startswith("https://")

    @after_this_request
    def give(answer: Response) -> Response:
        answer.set_cookie(COOKIE, str(value), max_age=SECONDS, path=PATH, secure=secure, httponly=True, samesite="Lax")
        return answer


def _serializers(who: str) -> list[URLSafeTimedSerializer]:
    """Bound to the address; the one that signs, then the one of the secret before."""
    settings = neighbours().settings
    given = [secret for secret in (settings.jwt_secret, settings.jwt_previous_secret) if secret is not None]
    return [URLSafeTimedSerializer(s.get_secret_value(), salt=f"device:{who}") for s in given]
