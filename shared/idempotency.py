"""Idempotency keys: a creating request that comes again under its key gets the first answer and creates nothing."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.errors import AppError
from shared.models import IdempotencyKey


@dataclass(frozen=True, slots=True)
class Keyed:
    """A user's key for one request on one route; `request_hash` tells requests apart."""

    user_id: UUID
    route: str
    key: str
    request_hash: str


@dataclass(frozen=True, slots=True)
class Stored:
    """An HTTP answer as it is kept."""

    status: int
    headers: dict[str, str]
    body: str


def begin(session: Session, keyed: Keyed) -> Stored | None:
    """The answer that the key got before, or None: the caller creates, and keeps its answer in this transaction.

    A twin that is at work is waited for. Raises AppError `idempotency_key_reused` (409) for another request's key.
    """
    mine = insert(IdempotencyKey).values(
        user_id=keyed.user_id, route=keyed.route, key=keyed.key, request_hash=keyed.request_hash
    )
    # The unique index makes the second of two wait until the first has committed or rolled back.
    if session.scalar(mine.on_conflict_do_nothing().returning(IdempotencyKey.key)) is not None:
        return None
    row = session.scalars(select(IdempotencyKey).where(*_same(keyed))).one_or_none()
    if row is None:  # its day was over, and it was forgotten between the two statements
        return begin(session, keyed)
    if row.request_hash != keyed.request_hash:
        raise AppError(
            "idempotency_key_reused",
            "This Idempotency-Key came with another request before. Use a new key for a new request.",
            409,
        )
    assert row.status is not None
    return Stored(row.status, row.headers or {}, row.body or "")


def keep(session: Session, keyed: Keyed, answer: Stored) -> None:
    """Keep the answer with the key, in the transaction that created."""
    kept = update(IdempotencyKey).where(*_same(keyed))
    session.execute(kept.values(status=answer.status, headers=answer.headers, body=answer.body))


def _same(keyed: Keyed) -> tuple[ColumnElement[bool], ...]:
    return (
        IdempotencyKey.user_id == keyed.user_id,
        IdempotencyKey.route == keyed.route,
        IdempotencyKey.key == keyed.key,
    )
