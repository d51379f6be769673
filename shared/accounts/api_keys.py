"""API keys: for programs, named, shown once, kept as a hash."""

import secrets
from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.accounts import access, tokens
from shared.errors import AppError, not_found
from shared.models import ApiKey

MARK = "ov_"
VISIBLE_BYTES = 4  # eight characters
MOST = 20


class Scope(StrEnum):
    """What a key may do: GET and HEAD, or everything else."""

    READ = "read"
    WRITE = "write"


def create(session: Session, user_id: UUID, name: str, scopes: Sequence[Scope]) -> tuple[ApiKey, str]:
    """A new key: its row, and the key itself, which nobody can find out again.

    Raises AppError `too_many_api_keys` (409), `not_authenticated` (401) if the user has just been deleted.
    """
    access.demand_alive(session, user_id, alone=True)  # or two at once would both make the twentieth
    alive = select(func.count()).select_from(ApiKey).where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
    if session.scalars(alive).one() >= MOST:
        raise AppError("too_many_api_keys", f"{MOST} keys are the most. Revoke one that is not used.", 409)
    prefix = MARK + secrets.token_hex(VISIBLE_BYTES)
    key = prefix + tokens.new_token()[0]
    row = ApiKey(
        user_id=user_id, name=name, prefix=prefix, key_hash=tokens.hashed(key), scopes=sorted({*scopes}, key=str)
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    return row, key


def listed(session: Session, user_id: UUID) -> Sequence[ApiKey]:
    """The user's keys that are not revoked, newest first."""
    alive = select(ApiKey).where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
    return session.scalars(alive.order_by(ApiKey.id.desc())).all()


def revoke(session: Session, user_id: UUID, key_id: UUID) -> ApiKey:
    """End a key at once; the row. Raises AppError `not_found` (404)."""
    mine = update(ApiKey).where(ApiKey.id == key_id, ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
    row: ApiKey | None = session.scalar(mine.values(revoked_at=func.now()).returning(ApiKey))
    if row is None:
        raise not_found("API key")
    return row


def revoke_all(session: Session, user_id: UUID) -> int:
    """End all of the user's keys at once; how many."""
    alive = update(ApiKey).where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
    return len(session.execute(alive.values(revoked_at=func.now()).returning(ApiKey.id)).all())
