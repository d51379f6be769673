"""What a user says about themselves, and which mails they want."""

from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.accounts import activity
from shared.accounts.access import ALIVE
from shared.accounts.activity import Kind
from shared.accounts.client import Client
from shared.errors import not_found
from shared.models import NotificationPreferences, User

T = TypeVar("T")


def find(session: Session, user_id: UUID) -> User:
    """The user. Raises AppError `not_found` (404) when they were deleted a moment ago."""
    return _found(session.scalar(select(User).where(User.id == user_id, *ALIVE)))


def change(session: Session, user_id: UUID, where: Client, changes: dict[str, Any]) -> User:
    """Set `name` (None: none) and `locale`, those that are given. Raises AppError `not_found` (404)."""
    user = _found(session.scalar(select(User).where(User.id == user_id, *ALIVE).with_for_update()))
    changed = sorted(name for name, value in changes.items() if getattr(user, name) != value)
    for name in changed:
        setattr(user, name, changes[name])
    if changed:
        activity.note(session, user_id, Kind.PROFILE_CHANGED, where, changed=changed)
    return user


def notifications(session: Session, user_id: UUID) -> NotificationPreferences:
    """Which mails the user wants, beside the necessary ones."""
    kept = session.get(NotificationPreferences, user_id, populate_existing=True)
    return kept or NotificationPreferences(user_id=user_id, job_finished=True, billing=True, product_news=False)


def choose(
    session: Session, user_id: UUID, choices: dict[str, bool], where: Client | None, kind: Kind
) -> NotificationPreferences:
    """Want these mails (True) or not, those that are named; the others stay. Raises AppError `not_found` (404)."""
    alive = select(User.id).where(User.id == user_id, User.deleted_at.is_(None))
    _found(session.scalar(alive.with_for_update(key_share=True)))
    before = notifications(session, user_id)
    changed = {name: value for name, value in choices.items() if getattr(before, name) != value}
    if changed:
        row = insert(NotificationPreferences).values(user_id=user_id, **changed)
        session.execute(row.on_conflict_do_update(index_elements=["user_id"], set_=changed))
        activity.note(session, user_id, kind, where, **changed)
    return notifications(session, user_id)


def _found(thing: T | None) -> T:
    if thing is None:
        raise not_found("account")
    return thing
