"""A forgotten password: a link by mail, used once, to set another."""

from uuid import UUID

from sqlalchemy import update

from shared.accounts import activity, attempts, one_time, passwords, policy, sessions, users
from shared.accounts.activity import Kind
from shared.accounts.attempts import Action
from shared.accounts.client import Client
from shared.accounts.one_time import Purpose
from shared.accounts.users import Transaction
from shared.config import Settings
from shared.mails import links, outbox
from shared.mails.templates import Template
from shared.models import User


def ask(transaction: Transaction, settings: Settings, email: str, where: Client) -> UUID | None:
    """Write the mail with the link, if the address has an account; its id.

    As on signing in there is one verification of a password, which fails, whether there is an account or not. Raises
    AppError `invalid_email` (422), `busy` (503).
    """
    email = users.checked_email(email)
    with transaction() as session:
        user = users.by_email(session, email)
    passwords.verify(user.password_hash if user else None, "")
    with transaction() as session:
        few = attempts.allowed(session, Action.RESET_MAIL, email, attempts.MAILS)
        user = users.by_email(session, email)
        if user is None or user.disabled_at is not None or not few:
            return None
        expires = one_time.from_now(session, settings.reset_token_seconds)
        link = links.reset_password(settings, one_time.issue(session, user.id, Purpose.RESET_PASSWORD, expires))
        activity.note(session, user.id, Kind.PASSWORD_RESET_ASKED, where)
        return outbox.write(
            session,
            Template.RESET_PASSWORD,
            user.email,
            locale=user.locale,
            user_id=user.id,
            link=link,
            expires=expires,
        )


def reset(transaction: Transaction, token: str, password: str, where: Client) -> UUID | None:
    """Set the password and end all sessions and all links; the id of the mail that tells.

    A password that is refused leaves the link good. Raises AppError `token_invalid` (422), `token_expired` (410),
    `weak_password` (422), `busy` (503).
    """
    with transaction() as session:
        owner = one_time.look(session, token, Purpose.RESET_PASSWORD)
    policy.check(password, owner.email)
    password_hash = passwords.hash_password(password)
    with transaction() as session:
        owner = one_time.look(session, token, Purpose.RESET_PASSWORD, lock=True)
        session.execute(update(User).where(User.id == owner.user_id).values(password_hash=password_hash))
        one_time.void(session, owner.user_id)
        sessions.revoke_all(session, owner.user_id)
        # Whoever guessed at the old password is no reason to slow the owner down.
        attempts.forget(session, Action.SIGN_IN, owner.email)
        attempts.forget(session, Action.OWN_PASSWORD, str(owner.user_id))
        activity.note(session, owner.user_id, Kind.PASSWORD_RESET, where)
        return outbox.write(session, Template.PASSWORD_CHANGED, owner.email, locale=owner.locale, user_id=owner.user_id)
