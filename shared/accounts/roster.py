"""All accounts, for operators."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from shared.models import User


def listed(session: Session, *, query: str | None, limit: int, before: UUID | None) -> Sequence[User]:
    """Up to `limit` users, newest first, older than `before`; whose id is `query`, or whose address or name has it."""
    users = select(User).order_by(User.id.desc()).limit(limit)
    if before is not None:
        users = users.where(User.id < before)
    if query is not None:
        users = users.where(User.id == _id(query) if _id(query) else _mentions(query))
    return session.scalars(users).all()


def _mentions(query: str) -> ColumnElement[bool]:
    return or_(User.email.icontains(query, autoescape=True), User.name.icontains(query, autoescape=True))


def _id(query: str) -> UUID | None:
    try:
        return UUID(query)
    except ValueError:
        return None
