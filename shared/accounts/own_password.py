"""A signed-in user's own password: asked for before what can't be taken back, and changed."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.accounts import activity, attempts, one_time, passwords, policy, sessions, users
from shared.accounts.access import ALIVE
from shared.accounts.activity import Kind
from shared.accounts.attempts import Action
from shared.accounts.client import Client
from shared.accounts.users import Transaction
from shared.errors import AppError
from shared.mails import outbox
from shared.mails.templates import Template
from shared.models import User


def confirm(transaction: Transaction, user_id: UUID, password: str, *, field: str = "password") -> User:
    """The user, who has shown that they know their password; wrong ones are slowed down as on signing in.

    Raises AppError `wrong_password` (403) with an error for `field`, `too_many_requests` (429), `busy` (503).
    """
    with passwords.turn():  # first, for who is sent away as `busy` has not guessed
        with transaction() as session:
            attempts.guess(session, Action.OWN_PASSWORD, str(user_id))
            user = users.active(session, user_id)
        is_right = passwords.verify(user.password_hash if user else None, password)
    if user is None or not is_right:
        sentence = "This is not your password."
        details = {"errors": [{"field": field, "message": sentence}]}
        raise AppError("wrong_password", sentence, 403, details=details)
    with transaction() as session:
        attempts.forget(session, Action.OWN_PASSWORD, str(user_id))
    return user


def change(
    transaction: Transaction, user_id: UUID, current: str, wanted: str, where: Client, *, keep: UUID
) -> UUID | None:
    """Set another password, end all links and all sessions but `keep`; the id of the mail that tells.

    Raises AppError `weak_password` (422), and what `confirm` and `lock` raise.
    """
    user = confirm(transaction, user_id, current, field="current_password")
    policy.check(wanted, user.email, field="new_password")
    password_hash = passwords.hash_password(wanted)
    with transaction() as session:
        lock(session, user)
        session.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))
        one_time.void(session, user_id)
        sessions.revoke_all(session, user_id, keep)
        activity.note(session, user_id, Kind.PASSWORD_CHANGED, where)
        return outbox.write(session, Template.PASSWORD_CHANGED, user.email, locale=user.locale, user_id=user_id)


def lock(session: Session, known: User) -> User:
    """The user's row, locked, if it still has the password that was confirmed. Raises AppError `wrong_password` (403).

    The confirmation and what follows are two transactions: a password that was set between them counts. Not FOR UPDATE:
    who ends a job or a session holds that first, and then writes rows that refer to the user.
    """
    same = (User.id == known.id, User.password_hash == known.password_hash, *ALIVE)
    user = session.scalar(select(User).where(*same).with_for_update(key_share=True))
    if user is None:
        raise AppError("wrong_password", "Your password was changed a moment ago.", 403)
    return user
