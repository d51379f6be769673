"""Another address for an account: it counts once a link sent to it comes back; the old one is told, twice."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.accounts import activity, attempts, one_time, own_password, sign_up, users
from shared.accounts.activity import Kind
from shared.accounts.attempts import Action
from shared.accounts.client import Client
from shared.accounts.one_time import Purpose
from shared.accounts.users import Transaction
from shared.config import Settings
from shared.errors import AppError
from shared.mails import links, outbox
from shared.mails.templates import Template
from shared.models import User


def ask(
    transaction: Transaction, settings: Settings, user_id: UUID, wanted: str, password: str, where: Client
) -> Sequence[UUID]:
    """Write the mail with the link to the new address, and a notice to the old; their ids.

    An address that has an account already gets a mail that says so, and no link; the answer is the same. Raises
    AppError `invalid_email`, `same_email` (422), `too_many_requests` (429) when the user has asked too often, or
    somebody for this address, and what own_password.confirm raises.
    """
    email = users.checked_email(wanted)
    known = own_password.confirm(transaction, user_id, password)
    if email == known.email:
        raise AppError("same_email", "This is your address already.", 422)
    with transaction() as session:
        user = own_password.lock(session, known)
        for who in (str(user_id), users.normal_email(email)):
            attempts.demand(session, Action.NEW_EMAIL_MAIL, who, attempts.MAILS)
        activity.note(session, user_id, Kind.EMAIL_CHANGE_ASKED, where, new_email=email)
        notice = outbox.write(
            session, Template.EMAIL_CHANGE_ASKED, user.email, locale=user.locale, user_id=user_id, new_email=email
        )
        return [mail for mail in (_to_new(session, settings, user, email), notice) if mail is not None]


def verify(transaction: Transaction, token: str, where: Client) -> tuple[User, UUID | None]:
    """The user with the new address, and the id of the mail that tells the old one. All other links end.

    Raises AppError `token_invalid` (422), `token_expired` (410), `email_taken` (409).
    """
    with transaction() as session:
        owner = one_time.look(session, token, Purpose.NEW_EMAIL, lock=True)
        user = session.get_one(User, owner.user_id)
        try:
            with session.begin_nested():
                user.email = str(owner.new_email)
        except IntegrityError:
            raise AppError("email_taken", "There is an account with this address already.", 409) from None
        one_time.void(session, user.id)
        outbox.skip_links(session, user.id, Template.RESET_PASSWORD, Template.CONFIRM_NEW_EMAIL)
        for address in (owner.email, user.email):
            sign_up.settle(session, user.id, address)
        activity.note(session, user.id, Kind.EMAIL_CHANGED, where, old_email=owner.email, new_email=user.email)
        mail = outbox.write(
            session, Template.EMAIL_CHANGED, owner.email, locale=user.locale, user_id=user.id, new_email=user.email
        )
        return user, mail


def _to_new(session: Session, settings: Settings, user: User, email: str) -> UUID | None:
    taken = users.by_email(session, email)
    if taken is not None and taken.id != user.id:
        link = links.forgot_password(settings)
        return outbox.write(
            session, Template.ALREADY_REGISTERED, taken.email, locale=taken.locale, user_id=taken.id, link=link
        )
    outbox.skip_links(session, user.id, Template.CONFIRM_NEW_EMAIL)
    expires = one_time.from_now(session, settings.verify_token_seconds)
    token = one_time.issue(session, user.id, Purpose.NEW_EMAIL, expires, new_email=email)
    link = links.verify_new_email(settings, token)
    return outbox.write(
        session,
        Template.CONFIRM_NEW_EMAIL,
        email,
        locale=user.locale,
        user_id=user.id,
        link=link,
        expires=expires,
        new_email=email,
    )
