"""What happened on an account, for its owner to read: rows are only added."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shared.accounts.client import Client
from shared.dubbing.shown import ShownJob
from shared.models import Activity, Job
from shared.prepared import Prepared

_ADD = Prepared(insert(Activity), ("user_id", "kind", "details", "user_agent", "ip"))


class Kind(StrEnum):
    """What can happen."""

    ACCOUNT_CREATED = "account_created"
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SESSION_REVOKED = "session_revoked"
    TOKENS_REUSED = "tokens_reused"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a name
    PASSWORD_RESET_ASKED = "password_reset_asked"  # noqa: S105 - a name
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a name
    EMAIL_CHANGE_ASKED = "email_change_asked"
    EMAIL_CHANGED = "email_changed"
    PROFILE_CHANGED = "profile_changed"
    NOTIFICATIONS_CHANGED = "notifications_changed"
    UNSUBSCRIBED = "unsubscribed"
    DATA_EXPORTED = "data_exported"
    API_KEY_CREATED = "api_key_created"
    API_KEY_REVOKED = "api_key_revoked"
    JOB_CREATED = "job_created"
    JOB_RETRIED = "job_retried"
    LANGUAGES_ADDED = "languages_added"
    JOB_CANCELED = "job_canceled"
    JOB_FINISHED = "job_finished"
    PAYMENT = "payment"


def note(session: Session, user_id: UUID, kind: Kind, where: Client | None = None, **details: Any) -> None:
    """Add a row. `where` is None for what no request did; `details` are JSON values and hold no secrets."""
    agent, ip = (where.user_agent, where.ip) if where else (None, None)
    session.flush()  # the account may be new itself
    values = {"user_id": user_id, "kind": kind, "details": details, "user_agent": agent, "ip": ip}
    _ADD.run(session.connection(), values)


def listed(
    session: Session, user_id: UUID, *, limit: int | None = None, before: UUID | None = None
) -> Sequence[Activity]:
    """What happened on the user's account, newest first; what is older than `before`."""
    mine = select(Activity).where(Activity.user_id == user_id).order_by(Activity.id.desc()).limit(limit)
    return session.scalars(mine if before is None else mine.where(Activity.id < before)).all()


def job_asked(session: Session, job: Job | ShownJob, kind: Kind, where: Client | None = None, **details: Any) -> None:
    """The user has asked for a dub, or for something to be done about it."""
    note(session, job.user_id, kind, where, job_id=str(job.job_id), video_id=str(job.video_id), **details)


def job_ended(session: Session, job: Job, status: str) -> None:
    """The job is over; to be called where it ends, once a round. Who is gone is told nothing."""
    if job.deleted_at is None:
        note(session, job.user_id, Kind.JOB_FINISHED, job_id=str(job.job_id), status=str(status), round=job.round)
