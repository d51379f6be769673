"""Signing in."""

from flask import Response
from flask_jwt_extended import create_access_token

from shared.accounts import users
from web.accounts.schemas import Login, Token
from web.auth import public
from web.neighbours import neighbours, transaction
from web.openapi import reply, resource

accounts = resource("accounts", __name__, public_routes=True)


@accounts.post("/auth/login", responses={200: Token})
@public
def login(body: Login) -> Response:
    """Sign in with an e-mail address and a password."""
    known = users.authenticate(transaction, body.email, body.password)
    token = create_access_token(identity=str(known))
    answer = reply(Token(access_token=token, expires_in=neighbours().settings.access_token_seconds))
    answer.headers["Cache-Control"] = "no-store"
    return answer
