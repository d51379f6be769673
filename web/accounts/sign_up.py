"""Signing up: the account exists once the link in the mail comes back."""

from flask import Response

from shared.accounts import sign_up
from shared.accounts.sign_up import Wanted
from web.accounts.sign_up_schemas import Link, MailFollows, NewAccount, Resend, SignUpAsked, Verified
from web.auth import public
from web.client import client
from web.limits import limited
from web.mails import send_now
from web.neighbours import neighbours, transaction
from web.openapi import reply, resource

SENT = "We have sent a mail to this address. Follow the link in it."

signing_up = resource("sign-up", __name__, public_routes=True)


@signing_up.post("/auth/signup", responses={202: SignUpAsked})
@public
@limited("10 per minute; 60 per hour")
def sign_up_account(body: NewAccount) -> Response:
    """Ask for an account. A mail brings a link; where the address has an account already, the mail says so."""
    wanted = Wanted(body.email, body.password, body.name, body.locale)
    asked = sign_up.ask(transaction, neighbours().settings, wanted, client())
    send_now(asked.mail_id)
    return reply(SignUpAsked(message=SENT, attempt=asked.attempt), 202)


@signing_up.post("/auth/resend-verification", responses={202: MailFollows})
@public
@limited("10 per minute; 60 per hour")
def resend_verification(body: Resend) -> Response:
    """Have the link of your sign-up once more; the one before it ends."""
    send_now(sign_up.resend(transaction, neighbours().settings, body.email, body.attempt, client()))
    return reply(MailFollows(message=SENT), 202)


@signing_up.post("/auth/verify-email", responses={200: Verified})
@public
@limited("30 per minute")
def verify_email(body: Link) -> Response:
    """Follow the link: the account is there. 422 `token_invalid`, 410 `token_expired`."""
    user = sign_up.verify(transaction, body.token, client())
    return reply(Verified(user_id=user.id, email=user.email))
