"""One's account: read and change it, take one's data along, delete it."""

from datetime import UTC, datetime

from flask import Response

from shared.accounts import activity, deletion, export, new_email, profile
from shared.accounts.access import demand_alive
from shared.accounts.activity import Kind
from shared.models import User
from web import cookies
from web.accounts.profile_schemas import Export, NewAddress, NewEmail, OwnPassword, Profile, ProfileChange
from web.accounts.sign_up_schemas import Link, MailFollows
from web.auth import public, session_only, user_id
from web.client import client
from web.limits import limited
from web.mails import send_now
from web.neighbours import neighbours, transaction
from web.openapi import reply, resource

own_account = resource("profile", __name__, session_only=True)
new_address = resource("new-email", __name__, public_routes=True)

SENT = MailFollows(message="We have sent a mail to the new address. It counts once you follow the link in it.")


@own_account.get("/users/me", responses={200: Profile})
@session_only
def read_profile() -> Response:
    """Your account."""
    with transaction() as session:
        return reply(_body(profile.find(session, user_id())))


@own_account.patch("/users/me", responses={200: Profile})
@session_only
def change_profile(body: ProfileChange) -> Response:
    """Change your name or your language."""
    with transaction() as session:
        user = profile.change(session, user_id(), client(), body.model_dump(exclude_unset=True))
    return reply(_body(user))


@own_account.post("/users/me/email", responses={202: MailFollows})
@session_only
@limited("30 per minute")
def change_email(body: NewEmail) -> Response:
    """Ask for another address. The new one gets a link, the old one is told. 403 `wrong_password`, 429."""
    for mail in new_email.ask(transaction, neighbours().settings, user_id(), body.email, body.password, client()):
        send_now(mail)
    return reply(SENT, 202)


@new_address.post("/auth/verify-new-email", responses={200: NewAddress})
@public
@limited("30 per minute")
def verify_new_email(body: Link) -> Response:
    """Follow the link: the new address counts, and the old one is told. 422 `token_invalid`, 410 `token_expired`."""
    user, mail = new_email.verify(transaction, body.token, client())
    send_now(mail)
    return reply(NewAddress(email=user.email))


@own_account.get("/users/me/export", responses={200: Export})
@session_only
@limited("10 per minute")
def export_data() -> Response:
    """All that is known about you, as one document."""
    with transaction() as session:
        demand_alive(session, user_id())
        known = export.of(session, user_id())
        activity.note(session, user_id(), Kind.DATA_EXPORTED, client())
    answer = reply(Export(exported_at=datetime.now(UTC), **known))
    answer.headers["Content-Disposition"] = "attachment; filename=onevoice.json"
    answer.headers["Cache-Control"] = "no-store"
    return answer


@own_account.delete("/users/me", responses={204: None})
@session_only
@limited("30 per minute")
def delete_account(body: OwnPassword) -> Response:
    """Delete your account with all your media, for good. 403 `wrong_password`."""
    deletion.delete_account(transaction, neighbours().settings, user_id(), body.password)
    return cookies.take(Response(status=204))


def _body(user: User) -> Profile:
    values = {name: getattr(user, name) for name in Profile.model_fields if name != "user_id"}
    return Profile.model_validate({"user_id": user.id, **values})
