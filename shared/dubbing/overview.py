"""Everybody's jobs, for operators."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.config import Settings
from shared.dubbing import orders
from shared.errors import not_found
from shared.models import Job


def listed(
    session: Session, *, limit: int, before: UUID | None, status: str | None, user_id: UUID | None
) -> Sequence[Job]:
    """Up to `limit` jobs, newest first, older than `before`; of one status, of one user."""
    jobs = select(Job).where(Job.deleted_at.is_(None)).order_by(Job.job_id.desc()).limit(limit)
    if before is not None:
        jobs = jobs.where(Job.job_id < before)
    if status is not None:
        jobs = jobs.where(Job.status == status)
    if user_id is not None:
        jobs = jobs.where(Job.user_id == user_id)
    return session.scalars(jobs).all()


def retry(session: Session, settings: Settings, job_id: UUID) -> Job:
    """Try again what did not succeed, in its owner's name. Raises what orders.retry raises."""
    owner = session.scalar(select(Job.user_id).where(Job.job_id == job_id))
    if owner is None:
        raise not_found("dubbing job")
    return orders.retry(session, settings, owner, job_id)
