"""A forgotten password: a link by mail, used once, to set another.

Whoever sets it anew may not have been the only one who could get in, so all other ways in end with it.
"""

from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.accounts import activity, api_keys, attempts, one_time, passwords, policy, sessions, users
from shared.accounts.access import ALIVE
from shared.accounts.activity import Kind
from shared.accounts.attempts import Action
from shared.accounts.client import Client
from shared.accounts.one_time import Owner, Purpose
from shared.accounts.users import Transaction
from shared.config import Settings
from shared.mails import links, outbox
from shared.mails.templates import Template
from shared.models import User
from shared.webhooks import endpoints


def ask(transaction: Transaction, email: str) -> bool:
    """Count that a link is asked for; whether `send` may be called, which is to be done behind the answer.

    Nothing here depends on whether there is an account, so that an answer takes no longer for one that there is. As on
    signing in there is one verification of a password, which fails.

    Raises AppError `invalid_email` (422), `busy` (503).
    """
    who = users.normal_email(users.checked_email(email))
    passwords.verify(None, "")
    with transaction() as session:
        return attempts.allowed(session, Action.RESET_MAIL, who, attempts.MAILS)


def send(transaction: Transaction, settings: Settings, email: str, where: Client) -> UUID | None:
    """Write the mail with the link, if the address has an account; its id. Links before it end."""
    with transaction() as session:
        mine = select(User).where(func.lower(User.email) == users.normal_email(email), *ALIVE)
        user = session.scalar(mine.with_for_update(key_share=True))  # two at once would both leave their link good
        if user is None:
            return None
        outbox.skip_links(session, user.id, Template.RESET_PASSWORD)
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
    """Set the password and end all else that lets somebody in; the id of the mail that tells.

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
        _lock_out(session, owner.user_id)
        _forget_guesses(session, owner)
        activity.note(session, owner.user_id, Kind.PASSWORD_RESET, where)
        anew = Template.PASSWORD_SET_ANEW
        return outbox.write(session, anew, owner.email, locale=owner.locale, user_id=owner.user_id)


def _lock_out(session: Session, user_id: UUID) -> None:
    """End the links, sessions and API keys; let nobody be told of jobs by the address and the secret that were set."""
    one_time.void(session, user_id)
    outbox.skip_links(session, user_id, Template.RESET_PASSWORD, Template.CONFIRM_NEW_EMAIL)
    sessions.revoke_all(session, user_id)
    api_keys.revoke_all(session, user_id)
    endpoints.remove(session, user_id)
    endpoints.rotate(session, user_id)


def _forget_guesses(session: Session, owner: Owner) -> None:
    """Whoever guessed at the old password is no reason to slow the owner down, in any browser."""
    attempts.forget(session, Action.SIGN_IN, users.normal_email(owner.email))
    attempts.forget(session, Action.OWN_PASSWORD, str(owner.user_id))
