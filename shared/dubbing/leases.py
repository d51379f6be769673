"""Who works on a job: the lease, and the fence that it is for all that its holder writes.

All times are the database's own clock. Each function is one step inside one transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, CursorResult, and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from shared.config import Settings
from shared.dubbing import state
from shared.dubbing.state import Status
from shared.errors import LeaseLostError
from shared.models import Dub, Job, new_id
from shared.prepared import Prepared


@dataclass(frozen=True)
class Claim:
    """A lease on a job: the fence of all that its holder writes."""

    job_id: UUID
    lease_token: UUID
    attempt: int


def claim(session: Session, job_id: UUID, settings: Settings) -> Claim | None:
    """Take the job with a fresh lease, or None when someone has it, it is not due or it is over."""
    token = new_id()
    row = session.execute(
        state.move_job(state.LIVE, Status.PROCESSING)
        .where(Job.job_id == job_id, claimable())
        .values(
            lease_token=token,
            lease_until=from_now(settings.lease_seconds),
            attempt=Job.attempt + 1,
            crashes=Job.crashes + (Job.status == Status.PROCESSING).cast(Job.crashes.type),
            started_at=func.coalesce(Job.started_at, func.now()),
            wake_sent_at=None,
            wakes=0,
            estimated_end_at=None,
        )
        .returning(Job.attempt)
    ).one_or_none()
    return Claim(job_id, token, row.attempt) if row else None


def renew(session: Session, held: Claim, settings: Settings) -> bool:
    """Push the lease's end out; False when it is no longer held."""
    return changed(session, update(Job).where(*fence(held)).values(lease_until=from_now(settings.lease_seconds)))


def holds(session: Session, held: Claim) -> bool:
    """Whether `held` still holds its job: nobody has recorded an end or taken it over."""
    return session.scalar(select(Job.job_id).where(*fence(held))) is not None


def fence(held: Claim) -> tuple[ColumnElement[bool], ...]:
    """The condition under which the holder of `held` may write."""
    return (Job.job_id == held.job_id, Job.lease_token == held.lease_token, Job.status == Status.PROCESSING)


def lock(session: Session, held: Claim) -> Job:
    """The job's row, locked until the transaction ends. Raises LeaseLostError when `held` no longer holds it."""
    job = session.scalars(select(Job).where(*fence(held)).with_for_update().execution_options(populate_existing=True))
    row = job.one_or_none()
    if row is None:
        raise LeaseLostError(str(held.job_id))
    return row


def let_go(session: Session, held: Claim, delay_seconds: float = 0) -> bool:
    """Back to PENDING without counting anything (a drain). False when the lease is no longer held."""
    return release(session, held, delay_seconds, {})


def release(session: Session, held: Claim, delay_seconds: float, values: Mapping[str, Any]) -> bool:
    """Back to PENDING, due after the delay (seconds), with `values`. False when the lease is no longer held."""
    released = (
        state.move_job({Status.PROCESSING}, Status.PENDING)
        .where(*fence(held))
        .values(
            lease_token=None,
            lease_until=None,
            wake_sent_at=None,
            wakes=0,
            estimated_end_at=None,
            not_before=from_now(delay_seconds),
            **values,
        )
    )
    if not changed(session, released):
        return False
    dubs = state.move_dub({Status.PROCESSING}, Status.PENDING).where(Dub.job_id == held.job_id)
    session.execute(dubs)
    return True


def is_claimable(session: Session, job_id: UUID) -> bool:
    """Whether the job waits for a worker."""
    return session.scalar(select(Job.job_id).where(Job.job_id == job_id, claimable())) is not None


def claimable() -> ColumnElement[bool]:
    """Waiting for a worker: PENDING and due, or PROCESSING under a lease that has run out."""
    return or_(and_(Job.status == Status.PENDING, Job.not_before <= func.now()), lapsed())


def lapsed() -> ColumnElement[bool]:
    """PROCESSING under a lease that has run out."""
    return and_(Job.status == Status.PROCESSING, Job.lease_until <= func.now())


def live_leases(session: Session) -> frozenset[UUID]:
    """The tokens of all leases that have not lapsed."""
    live = select(Job.lease_token).where(Job.status == Status.PROCESSING, Job.lease_until > func.now())
    return frozenset(token for token in session.scalars(live) if token is not None)


def due_for_wake(session: Session, settings: Settings, limit: int = 500) -> list[UUID]:
    """The jobs that need a wake-up call: due and not woken, or woken too long ago, or with a lapsed lease."""
    interval = func.least(
        settings.resend_cap_seconds,
        settings.resend_seconds * func.power(2.0, func.least(func.greatest(Job.wakes - 1, 0), 30)),
    )
    quiet = or_(
        Job.wake_sent_at.is_(None),
        Job.wake_sent_at <= func.now() - func.make_interval(0, 0, 0, 0, 0, 0, interval),
    )
    rows = select(Job.job_id).where(Job.status.in_(state.LIVE), claimable(), quiet)
    # A lapsed one first: its worker died, and it has waited already.
    rows = rows.order_by(lapsed().desc(), Job.job_id).limit(limit)
    return list(session.scalars(rows))


def stamp_wake(database: Session | Connection, job_id: UUID) -> None:
    """Remember that a wake-up call for the job was sent; not on a row that a worker has taken meanwhile."""
    _STAMP.run(database.connection() if isinstance(database, Session) else database, {"woken": job_id})


_STAMP = Prepared(
    update(Job.__table__)  # type: ignore[arg-type]
    .where(Job.job_id == bindparam("woken"), or_(Job.status == Status.PENDING, lapsed()))
    .values(wake_sent_at=func.now(), wakes=Job.wakes + 1)
)


def from_now(seconds: float) -> ColumnElement[datetime]:
    """The database's time so many seconds from now."""
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, float(seconds))


def changed(session: Session, statement: Any) -> bool:
    """Run a statement; whether it changed a row."""
    result: CursorResult[Any] = session.execute(statement)  # type: ignore[assignment]
    return result.rowcount > 0
