"""A job's life: create, settle, report, postpone, finish. Each function is one step inside one transaction.

All times are the database's own clock. Every write after the claim is fenced by the lease (see `leases`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isfinite
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.accounts import activity
from shared.config import Settings
from shared.dubbing import dubs, leases, state
from shared.dubbing.leases import Claim
from shared.dubbing.shown import DUB, JOB, ShownJob, of_rows
from shared.dubbing.state import Status
from shared.errors import LeaseLostError
from shared.mails import dubs as mails
from shared.models import Dub, Job, new_id
from shared.prepared import Prepared
from shared.storage import results_prefix
from shared.webhooks import outbox

GAVE_UP = ("gave_up", "The work stopped without a word several times over. Try again; if it happens again, tell us.")
LONGEST_RETRY_AFTER_SECONDS = 6 * 3600.0
TRANSIENT_GAVE_UP = "The job was tried for a long time and did not get through. The last trouble was: {message}"


@dataclass(frozen=True)
class NewJob:
    """What a user asked for; checked before it gets here. Transcripts are as GivenTranscript.to_dict() writes them."""

    user_id: UUID
    video_id: UUID
    original_s3_path: str
    source_language: str | None
    target_languages: tuple[str, ...]
    source_transcript: dict[str, Any] | None
    options: dict[str, Any]
    target_transcripts: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    webhook_url: str | None = None


def create(session: Session, new: NewJob) -> ShownJob:
    """Write the job PENDING and due now, with a PENDING dub for each language."""
    connection, job_id = session.connection(), new_id()
    values = {
        "job_id": job_id,
        "user_id": new.user_id,
        "video_id": new.video_id,
        "status": state.initial(),
        "original_s3_path": new.original_s3_path,
        "source_language": new.source_language,
        "source_transcript": new.source_transcript,
        "options": new.options,
        "webhook_url": new.webhook_url,
    }
    [job] = _NEW_JOB.rows(connection, values)
    languages = [
        _NEW_DUB.rows(
            connection,
            {
                "job_id": job_id,
                "position": position,
                "language": language,
                "status": state.initial(),
                "transcript": new.target_transcripts.get(language),
            },
        )[0]
        for position, language in enumerate(new.target_languages)
    ]
    return of_rows(job, languages)


def settle(session: Session, job_id: UUID, settings: Settings) -> Status | None:
    """End the job if it is over without having to run; None: it goes on.

    CANCELED on request; when the crash allowance is used up, what is not ready FAILED with `gave_up`.
    """
    idle = or_(Job.status == Status.PENDING, leases.lapsed())
    canceled = state.move_job(state.LIVE, Status.CANCELED).where(
        Job.job_id == job_id, idle, Job.cancel_requested_at.is_not(None)
    )
    if leases.changed(session, canceled.values(**_over(settings))):
        return _canceled(session, job_id, settings)
    exhausted = select(Job).where(Job.job_id == job_id, leases.lapsed(), Job.crashes >= settings.max_crashes)
    job = session.scalars(exhausted.with_for_update()).one_or_none()
    if job is None:
        return None
    job.crashes += 1
    session.flush()
    dubs.end_all(session, job_id, Status.FAILED, GAVE_UP)
    return _conclude(session, job, settings)


def cancel_asked(session: Session, held: Claim) -> bool:
    """Whether the user asked to cancel the job that `held` holds."""
    asked = select(Job.job_id).where(*leases.fence(held), Job.cancel_requested_at.is_not(None))
    return session.scalar(asked) is not None


def report(
    session: Session,
    held: Claim,
    *,
    stage: str,
    progress: float,
    dub: tuple[str, str, float] | None = None,
    remaining_seconds: float | None = None,
) -> None:
    """Show where the work is: `progress` 0 to 1 of the whole job, `dub` a language with its own stage and progress.

    `remaining_seconds` is how long the work is expected to go on. Raises LeaseLostError.
    """
    values: dict[str, Any] = {"stage": stage, "progress": func.greatest(Job.progress, progress)}
    if remaining_seconds is not None:
        values["estimated_end_at"] = leases.from_now(remaining_seconds)
    if not leases.changed(session, update(Job).where(*leases.fence(held)).values(**values)):
        raise LeaseLostError(str(held.job_id))
    if dub is not None:
        language, own, done = dub
        shown = dubs.of_language(held.job_id, language)
        session.execute(shown.values(stage=own, progress=func.greatest(Dub.progress, done)))


def finish(session: Session, held: Claim, settings: Settings) -> Status:
    """End the job by its dubs, all of them over; not once cancel was asked. Raises LeaseLostError."""
    return _conclude(session, dubs.lock_wanted(session, held), settings)


def fail(session: Session, held: Claim, error: tuple[str, str], settings: Settings) -> Status:
    """End all that is not over with a code and a sentence, and the job by its dubs. Raises LeaseLostError, also for
    a job that was canceled meanwhile."""
    job = dubs.lock_wanted(session, held)
    dubs.end_all(session, held.job_id, Status.FAILED, error)
    return _conclude(session, job, settings)


def _conclude(session: Session, job: Job, settings: Settings) -> Status:
    """COMPLETED when a dub succeeded, else FAILED with the first dub's error. The row is locked, all dubs are over."""
    # This round's first: an error of an earlier one is not why the job failed now.
    own = session.execute(
        select(Dub.status, Dub.error_code, Dub.error_message)
        .where(Dub.job_id == job.job_id)
        .order_by((Dub.status == Status.FAILED).desc(), Dub.round.desc(), Dub.position)
    ).all()
    end = state.outcome(Status(dub.status) for dub in own)
    values = _over(settings)
    if end is Status.COMPLETED:
        bucket = job.original_s3_path.split("/", 3)[2]
        path = f"s3://{bucket}/{results_prefix(job.job_id)}"
        values |= {"result_s3_path": path, "progress": 1.0, "error_code": None, "error_message": None}
    else:
        values |= dubs.error_columns((own[0].error_code or "failed", own[0].error_message or "The dub failed."))
    session.execute(state.move_job({Status.PROCESSING}, end).where(Job.job_id == job.job_id).values(**values))
    _tell(session, settings, job, end)
    return end


def cancel_claimed(session: Session, held: Claim, settings: Settings) -> bool:
    """The user asked and the child is gone: CANCELED. False when the lease is no longer held."""
    canceled = state.move_job({Status.PROCESSING}, Status.CANCELED).where(*leases.fence(held))
    ended = leases.changed(session, canceled.values(**_over(settings)))
    if ended:
        _canceled(session, held.job_id, settings)
    return ended


def _canceled(session: Session, job_id: UUID, settings: Settings) -> Status:
    """What follows when the job's row is CANCELED."""
    dubs.end_all(session, job_id, Status.CANCELED)
    _tell(session, settings, session.get_one(Job, job_id), Status.CANCELED)
    return Status.CANCELED


def _tell(session: Session, settings: Settings, job: Job, end: Status) -> None:
    """Write down for whom it concerns that the round is over: a webhook, a mail, a line of the account's activity."""
    outbox.job_ended(session, job, end)
    mails.job_ended(session, settings, job, end)
    activity.job_ended(session, job, end)


@dataclass(frozen=True)
class Postponed:
    """What became of a job after transient trouble: when it is due again (seconds), or None when it gave up."""

    delay_seconds: float | None


def postpone(
    session: Session, held: Claim, error: tuple[str, str], settings: Settings, retry_after: float | None = None
) -> Postponed:
    """Transient trouble: PENDING again after a backoff, or FAILED when the allowance (count and time) is used up.

    Raises LeaseLostError.
    """
    job = leases.lock(session, held)
    failures = job.transient_failures + 1
    if failures >= settings.max_transient_failures and _tried_long(session, job, settings):
        fail(session, held, (error[0], TRANSIENT_GAVE_UP.format(message=error[1])), settings)
        return Postponed(None)
    delay = max(backoff(failures, settings), _wish(retry_after))
    counted = {
        "transient_failures": failures,
        "first_transient_at": func.coalesce(Job.first_transient_at, func.now()),
        **dubs.error_columns(error),
    }
    leases.release(session, held, delay, counted)
    return Postponed(delay)


def _wish(retry_after: float | None) -> float:
    """How long a provider wants us to wait, within reason."""
    sane = retry_after is not None and isfinite(retry_after)
    return min(LONGEST_RETRY_AFTER_SECONDS, max(0.0, retry_after or 0.0)) if sane else 0.0


def backoff(failures: int, settings: Settings) -> float:
    """Seconds to wait after the n-th transient failure: doubling from the base, up to the cap.

    With the defaults (60 s, cap 1 h) eight failures span 2 h and 3 min.
    """
    return min(settings.backoff_cap_seconds, settings.backoff_seconds * 2.0 ** min(failures - 1, 30))


# Sent with every job, so put together once.
_NEW_JOB = Prepared(
    insert(Job).returning(*JOB),
    ("job_id", "user_id", "video_id", "status", "original_s3_path", "source_language", "source_transcript", "options",
     "webhook_url"),
)  # fmt: skip


_NEW_DUB = Prepared(insert(Dub).returning(*DUB), ("job_id", "position", "language", "status", "transcript"))


def _tried_long(session: Session, job: Job, settings: Settings) -> bool:
    if job.first_transient_at is None:
        return settings.max_transient_failures <= 1
    now: datetime = session.scalar(select(func.now()))  # type: ignore[assignment]
    return now - job.first_transient_at >= timedelta(seconds=settings.give_up_after_seconds)


def _over(settings: Settings) -> dict[str, Any]:
    return {
        "lease_token": None,
        "lease_until": None,
        "stage": None,
        "estimated_end_at": None,
        "completed_at": func.now(),
        "expires_at": leases.from_now(settings.retention_days * 86_400),
    }


def request_cancel(session: Session, job_id: UUID, *, even_when_ready: bool = False) -> bool:
    """Note that the user wants the job to end; `settle` or the worker ends it. False when it is over already, or
    when a worker is about to end it, all of its languages being ready (unless `even_when_ready`)."""
    # The row first and the dubs in a statement of its own, which sees what whoever held the row has written.
    mine = select(leases.lapsed(), Job.status).where(Job.job_id == job_id, Job.status.in_(state.LIVE)).with_for_update()
    row = session.execute(mine).one_or_none()
    if row is None:
        return False
    is_run = row.status == Status.PROCESSING and not row[0]
    if is_run and not even_when_ready and not _under_way(session, job_id):
        return False
    asked = update(Job).where(Job.job_id == job_id)
    return leases.changed(session, asked.values(cancel_requested_at=func.coalesce(Job.cancel_requested_at, func.now())))


def _under_way(session: Session, job_id: UUID) -> bool:
    live = select(Dub.id).where(Dub.job_id == job_id, Dub.status.in_(state.LIVE)).limit(1)
    return session.scalar(live) is not None
