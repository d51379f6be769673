"""Links sent by mail that work once: to reset the password, to confirm a new address."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from shared.accounts import tokens
from shared.accounts.access import ALIVE
from shared.errors import AppError
from shared.models import OneTimeToken, User

# Who comes late is told so for this long.
KEPT_AFTER_EXPIRY = timedelta(days=1)


class Purpose(StrEnum):
    """What a link is for."""

    RESET_PASSWORD = "reset_password"  # noqa: S105 - a name
    NEW_EMAIL = "new_email"


@dataclass(frozen=True)
class Owner:
    """Whose link it is, and where; `new_email` is the address that it confirms."""

    user_id: UUID
    email: str
    locale: str
    new_email: str | None


def issue(
    session: Session, user_id: UUID, purpose: Purpose, expires_at: datetime, *, new_email: str | None = None
) -> str:
    """A new token; those of the same purpose before it end."""
    void(session, user_id, purpose)
    token, token_hash = tokens.new_token()
    session.add(
        OneTimeToken(user_id=user_id, purpose=purpose, email=new_email, token_hash=token_hash, expires_at=expires_at)
    )
    return token


def look(session: Session, token: str, purpose: Purpose, *, lock: bool = False) -> Owner:
    """Whose token it is; with `lock` it stays good until the transaction ends, and nobody else can use it.

    Raises AppError `token_invalid` (422) when it is unknown, of another purpose, malformed, used, or its user is
    disabled or deleted; `token_expired` (410).
    """
    if lock:  # the user's row first, as everywhere; and a query of its own sees what its last holder did to the token
        owner = select(OneTimeToken.user_id).where(OneTimeToken.token_hash == tokens.hashed(token)).scalar_subquery()
        session.execute(select(User.id).where(User.id == owner).with_for_update(key_share=True))
    is_over = (OneTimeToken.expires_at <= func.now()).label("is_over")
    query = select(OneTimeToken, User, is_over).join(User, User.id == OneTimeToken.user_id)
    query = query.where(OneTimeToken.token_hash == tokens.hashed(token), OneTimeToken.purpose == purpose, *ALIVE)
    row = session.execute(query).one_or_none()
    if row is None or row.OneTimeToken.used_at is not None:
        raise invalid()
    if row.is_over:
        raise expired()
    return Owner(row.User.id, row.User.email, row.User.locale, row.OneTimeToken.email)


def void(session: Session, user_id: UUID, *purposes: Purpose) -> None:
    """End the user's tokens, of these purposes or all: they count as used."""
    mine = update(OneTimeToken).where(OneTimeToken.user_id == user_id, OneTimeToken.used_at.is_(None))
    session.execute((mine.where(OneTimeToken.purpose.in_(purposes)) if purposes else mine).values(used_at=func.now()))


def expire(session: Session) -> int:
    """Forget tokens whose time ran out long ago, and those used as long ago; how many."""
    long_ago = func.now() - KEPT_AFTER_EXPIRY
    old = delete(OneTimeToken).where(or_(OneTimeToken.expires_at < long_ago, OneTimeToken.used_at < long_ago))
    return len(session.execute(old.returning(OneTimeToken.id)).all())


def from_now(session: Session, seconds: float) -> datetime:
    """A time to come, by the database's clock."""
    return session.scalars(select(func.now())).one() + timedelta(seconds=seconds)


def invalid() -> AppError:
    """The one refusal for what is unknown, malformed, somebody else's or used."""
    return AppError("token_invalid", "This link is not valid: it was used before, or a newer one took its place.", 422)


def expired() -> AppError:
    """The refusal of what came too late."""
    return AppError("token_expired", "This link has expired. Ask for a new one.", 410)
