"""Passwords: forgotten, set anew by a link, changed."""

from flask import Response

from shared.accounts import own_password as own
from shared.accounts import recovery
from web.accounts.profile_schemas import PasswordChange
from web.accounts.sign_up_schemas import Address, MailFollows, NewPasswordByLink
from web.auth import caller, demand_session, public, session_only, user_id
from web.client import client
from web.limits import limited
from web.mails import send_now, write_behind
from web.neighbours import neighbours, transaction
from web.openapi import reply, resource

forgotten = resource("passwords", __name__, public_routes=True)
own_password = resource("password", __name__, session_only=True)

SENT = MailFollows(message="If this address has an account, we have sent it a mail. Follow the link in it.")


@forgotten.post("/auth/forgot-password", responses={202: MailFollows})
@public
@limited("10 per minute; 60 per hour")
def forgot_password(body: Address) -> Response:
    """Have a link by mail to set another password."""
    settings, where = neighbours().settings, client()
    if recovery.ask(transaction, body.email):
        write_behind(lambda own: recovery.send(own, settings, body.email, where))
    return reply(SENT, 202)


@forgotten.post("/auth/reset-password", responses={204: None})
@public
@limited("30 per minute")
def reset_password(body: NewPasswordByLink) -> Response:
    """Set another password by the link, once; all sessions, API keys and the webhook's address and secret end with it.

    422 `token_invalid`, 410 `token_expired`.
    """
    send_now(recovery.reset(transaction, body.token, body.password, client()))
    return Response(status=204)


@own_password.put("/users/me/password", responses={204: None})
@session_only
@limited("30 per minute")
def change_password(body: PasswordChange) -> Response:
    """Change your password; all other sessions end. 403 `wrong_password`."""
    keep = demand_session(caller())
    send_now(own.change(transaction, user_id(), body.current_password, body.new_password, client(), keep=keep))
    return Response(status=204)
