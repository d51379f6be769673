"""What operators do to accounts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from shared.accounts import sessions, users
from shared.errors import not_found
from shared.models import Role, User

BATCH = 1000


def listed(session: Session, after: UUID | None = None, limit: int = BATCH) -> Sequence[User]:
    """The next accounts behind `after` that are not deleted, oldest first; at most `limit`."""
    query = select(User).where(User.deleted_at.is_(None)).order_by(User.id).limit(limit)
    return session.scalars(query if after is None else query.where(User.id > after)).all()


def disable(session: Session, email: str) -> int:
    """Let the user in no more, by nothing, from now on; how many sessions that ended. Raises AppError `not_found`."""
    query = update(User).where(_is(email)).values(disabled_at=func.coalesce(User.disabled_at, func.now()))
    user_id = session.scalar(query.returning(User.id))
    if user_id is None:
        raise not_found("account")
    return sessions.revoke_all(session, user_id)


def promote(session: Session, email: str) -> None:
    """Let the user do what operators do. Raises AppError `not_found`."""
    query = update(User).where(_is(email)).values(role=Role.ADMIN)
    if session.scalar(query.returning(User.id)) is None:
        raise not_found("account")


def _is(email: str) -> ColumnElement[bool]:
    return func.lower(User.email) == users.normal_email(email)
