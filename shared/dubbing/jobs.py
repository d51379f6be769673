"""A job's life: create, settle, claim, renew, let go, finish. Each function is one step inside one transaction.

All times are the database's own clock. Every write after the claim is fenced by the lease's token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from math import isfinite
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Update,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.accounts import activity
from shared.config import Settings
from shared.dubbing import state
from shared.dubbing.shown import DUB, JOB, ShownJob, of_rows
from shared.dubbing.state import Status
from shared.errors import LeaseLostError
from shared.mails import dubs as mails
from shared.models import Dub, Job, Result, new_id
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


@dataclass(frozen=True)
class NewResult:
    """A file that a user can download; `language` is None for what belongs to the source."""

    language: str | None
    kind: str
    key: str
    filename: str
    content_type: str
    size_bytes: int


@dataclass(frozen=True)
class Claim:
    """A lease on a job: the fence of all that its holder writes."""

    job_id: UUID
    lease_token: UUID
    attempt: int


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
    dubs = [
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
    return of_rows(job, dubs)


def stamp_wake(database: Session | Connection, job_id: UUID) -> None:
    """Remember that a wake-up call for the job was sent; not on a row that a worker has taken meanwhile."""
    _STAMP.run(database.connection() if isinstance(database, Session) else database, {"woken": job_id})


def settle(session: Session, job_id: UUID, settings: Settings) -> Status | None:
    """End the job if it is over without having to run; None: it goes on.

    CANCELED on request; when the crash allowance is used up, what is not ready FAILED with `gave_up`.
    """
    idle = or_(Job.status == Status.PENDING, lapsed())
    canceled = state.move_job(state.LIVE, Status.CANCELED).where(
        Job.job_id == job_id, idle, Job.cancel_requested_at.is_not(None)
    )
    if _changed(session, canceled.values(**_over(settings))):
        return _canceled(session, job_id, settings)
    exhausted = select(Job).where(Job.job_id == job_id, lapsed(), Job.crashes >= settings.max_crashes)
    job = session.scalars(exhausted.with_for_update()).one_or_none()
    if job is None:
        return None
    job.crashes += 1
    session.flush()
    _end_dubs(session, job_id, Status.FAILED, GAVE_UP)
    return _conclude(session, job, settings)


def claim(session: Session, job_id: UUID, settings: Settings) -> Claim | None:
    """Take the job with a fresh lease, or None when someone has it, it is not due or it is over."""
    token = new_id()
    row = session.execute(
        state.move_job(state.LIVE, Status.PROCESSING)
        .where(Job.job_id == job_id, claimable())
        .values(
            lease_token=token,
            lease_until=_from_now(settings.lease_seconds),
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
    return _changed(session, update(Job).where(*fence(held)).values(lease_until=_from_now(settings.lease_seconds)))


def cancel_asked(session: Session, held: Claim) -> bool:
    """Whether the user asked to cancel the job that `held` holds."""
    asked = select(Job.job_id).where(*fence(held), Job.cancel_requested_at.is_not(None))
    return session.scalar(asked) is not None


def holds(session: Session, held: Claim) -> bool:
    """Whether `held` still holds its job: nobody has recorded an end or taken it over."""
    return session.scalar(select(Job.job_id).where(*fence(held))) is not None


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
        values["estimated_end_at"] = _from_now(remaining_seconds)
    if not _changed(session, update(Job).where(*fence(held)).values(**values)):
        raise LeaseLostError(str(held.job_id))
    if dub is not None:
        language, own, done = dub
        session.execute(_dub(held.job_id, language).values(stage=own, progress=func.greatest(Dub.progress, done)))


def start_dub(session: Session, held: Claim, language: str) -> None:
    """The language's own work begins."""
    lock(session, held)
    session.execute(_dub_move(held.job_id, language, {Status.PENDING, Status.PROCESSING}, Status.PROCESSING))


def finish_dub(session: Session, held: Claim, language: str, prefix: str, results: Sequence[NewResult]) -> None:
    """The language is ready: its results can be fetched while others still run. Raises LeaseLostError, also for a
    job that was canceled meanwhile.

    What belongs to the source is written by the first language that brings it.
    """
    _lock_wanted(session, held)
    moved = _dub_move(held.job_id, language, state.LIVE, Status.COMPLETED).values(
        progress=1.0, stage=None, result_s3_path=prefix, completed_at=func.now(), error_code=None, error_message=None
    )
    if _changed(session, moved):
        rows = [{"id": new_id(), "job_id": held.job_id, **asdict(result)} for result in results]
        for row in rows:
            session.execute(insert(Result).values(**row).on_conflict_do_nothing())


@dataclass(frozen=True)
class Ready:
    """A language that is ready, and the prefix of its files in the bucket."""

    language: str
    prefix: str


def ready_languages(session: Session, job_id: UUID) -> list[Ready]:
    """The job's languages that are ready, of all rounds, in the order in which they were asked for."""
    ready = select(Dub.language, Dub.result_s3_path).where(Dub.job_id == job_id, Dub.status == Status.COMPLETED)
    rows = session.execute(ready.order_by(Dub.position)).all()
    return [Ready(row.language, row.result_s3_path.split("/", 3)[3]) for row in rows if row.result_s3_path]


def replace_results(session: Session, held: Claim, kind: str, results: Sequence[NewResult]) -> list[str]:
    """Put `results` in place of the job's files of `kind` and of their report; the keys that nobody names any more.

    Raises LeaseLostError, also for a job that was canceled meanwhile.
    """
    _lock_wanted(session, held)
    old = delete(Result).where(Result.job_id == held.job_id, Result.kind.in_((kind, f"{kind}_report")))
    gone = set(session.scalars(old.returning(Result.key)))
    for result in results:
        session.execute(insert(Result).values(id=new_id(), job_id=held.job_id, **asdict(result)))
    return sorted(gone - {result.key for result in results})


def fail_dub(session: Session, held: Claim, language: str, error: tuple[str, str]) -> None:
    """The language ends with an error; the others go on. Raises LeaseLostError as finish_dub does."""
    _lock_wanted(session, held)
    moved = _dub_move(held.job_id, language, state.LIVE, Status.FAILED)
    session.execute(moved.values(stage=None, completed_at=func.now(), **_error(error)))


def finish(session: Session, held: Claim, settings: Settings) -> Status:
    """End the job by its dubs, all of them over; not once cancel was asked. Raises LeaseLostError."""
    return _conclude(session, _lock_wanted(session, held), settings)


def _lock_wanted(session: Session, held: Claim) -> Job:
    """The job's row, locked, of a job that nobody canceled. Raises LeaseLostError."""
    job = lock(session, held)
    if job.cancel_requested_at is not None:
        raise LeaseLostError("cancel was asked for")
    return job


def fail(session: Session, held: Claim, error: tuple[str, str], settings: Settings) -> Status:
    """End all that is not over with a code and a sentence, and the job by its dubs. Raises LeaseLostError, also for
    a job that was canceled meanwhile."""
    job = _lock_wanted(session, held)
    _end_dubs(session, held.job_id, Status.FAILED, error)
    return _conclude(session, job, settings)


def _conclude(session: Session, job: Job, settings: Settings) -> Status:
    """COMPLETED when a dub succeeded, else FAILED with the first dub's error. The row is locked, all dubs are over."""
    # This round's first: an error of an earlier one is not why the job failed now.
    dubs = session.execute(
        select(Dub.status, Dub.error_code, Dub.error_message)
        .where(Dub.job_id == job.job_id)
        .order_by((Dub.status == Status.FAILED).desc(), Dub.round.desc(), Dub.position)
    ).all()
    end = state.outcome(Status(dub.status) for dub in dubs)
    values = _over(settings)
    if end is Status.COMPLETED:
        bucket = job.original_s3_path.split("/", 3)[2]
        path = f"s3://{bucket}/{results_prefix(job.job_id)}"
        values |= {"result_s3_path": path, "progress": 1.0, "error_code": None, "error_message": None}
    else:
        values |= _error((dubs[0].error_code or "failed", dubs[0].error_message or "The dub failed."))
    session.execute(state.move_job({Status.PROCESSING}, end).where(Job.job_id == job.job_id).values(**values))
    _tell(session, settings, job, end)
    return end


def cancel_claimed(session: Session, held: Claim, settings: Settings) -> bool:
    """The user asked and the child is gone: CANCELED. False when the lease is no longer held."""
    ended = _changed(
        session, state.move_job({Status.PROCESSING}, Status.CANCELED).where(*fence(held)).values(**_over(settings))
    )
    if ended:
        _canceled(session, held.job_id, settings)
    return ended


def _canceled(session: Session, job_id: UUID, settings: Settings) -> Status:
    """What follows when the job's row is CANCELED."""
    _end_dubs(session, job_id, Status.CANCELED)
    _tell(session, settings, session.get_one(Job, job_id), Status.CANCELED)
    return Status.CANCELED


def _tell(session: Session, settings: Settings, job: Job, end: Status) -> None:
    """Write down for whom it concerns that the round is over: a webhook, a mail, a line of the account's activity."""
    outbox.job_ended(session, job, end)
    mails.job_ended(session, settings, job, end)
    activity.job_ended(session, job, end)


def let_go(session: Session, held: Claim, delay_seconds: float = 0) -> bool:
    """Back to PENDING without counting anything (a drain). False when the lease is no longer held."""
    return _release(session, held, delay_seconds, {})


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
    job = lock(session, held)
    failures = job.transient_failures + 1
    if failures >= settings.max_transient_failures and _tried_long(session, job, settings):
        fail(session, held, (error[0], TRANSIENT_GAVE_UP.format(message=error[1])), settings)
        return Postponed(None)
    delay = max(backoff(failures, settings), _wish(retry_after))
    counted = {
        "transient_failures": failures,
        "first_transient_at": func.coalesce(Job.first_transient_at, func.now()),
        **_error(error),
    }
    _release(session, held, delay, counted)
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


def live_leases(session: Session) -> frozenset[UUID]:
    """The tokens of all leases that have not lapsed."""
    live = select(Job.lease_token).where(Job.status == Status.PROCESSING, Job.lease_until > func.now())
    return frozenset(token for token in session.scalars(live) if token is not None)


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


def lapsed() -> ColumnElement[bool]:
    """PROCESSING under a lease that has run out."""
    return and_(Job.status == Status.PROCESSING, Job.lease_until <= func.now())


# Sent with every job, so put together once.
_NEW_JOB = Prepared(
    insert(Job).returning(*JOB),
    ("job_id", "user_id", "video_id", "status", "original_s3_path", "source_language", "source_transcript", "options",
     "webhook_url"),
)  # fmt: skip
_NEW_DUB = Prepared(insert(Dub).returning(*DUB), ("job_id", "position", "language", "status", "transcript"))
_STAMP = Prepared(
    update(Job.__table__)  # type: ignore[arg-type]
    .where(Job.job_id == bindparam("woken"), or_(Job.status == Status.PENDING, lapsed()))
    .values(wake_sent_at=func.now(), wakes=Job.wakes + 1)
)


def claimable() -> ColumnElement[bool]:
    """Waiting for a worker: PENDING and due, or PROCESSING under a lease that has run out."""
    return or_(and_(Job.status == Status.PENDING, Job.not_before <= func.now()), lapsed())


def is_claimable(session: Session, job_id: UUID) -> bool:
    """Whether the job waits for a worker."""
    return session.scalar(select(Job.job_id).where(Job.job_id == job_id, claimable())) is not None


def _release(session: Session, held: Claim, delay_seconds: float, values: Mapping[str, Any]) -> bool:
    released = (
        state.move_job({Status.PROCESSING}, Status.PENDING)
        .where(*fence(held))
        .values(
            lease_token=None,
            lease_until=None,
            wake_sent_at=None,
            wakes=0,
            estimated_end_at=None,
            not_before=_from_now(delay_seconds),
            **values,
        )
    )
    if not _changed(session, released):
        return False
    dubs = state.move_dub({Status.PROCESSING}, Status.PENDING).where(Dub.job_id == held.job_id)
    session.execute(dubs)
    return True


def _tried_long(session: Session, job: Job, settings: Settings) -> bool:
    if job.first_transient_at is None:
        return settings.max_transient_failures <= 1
    now: datetime = session.scalar(select(func.now()))  # type: ignore[assignment]
    return now - job.first_transient_at >= timedelta(seconds=settings.give_up_after_seconds)


def _end_dubs(session: Session, job_id: UUID, to: Status, error: tuple[str, str] | None = None) -> None:
    values = {"stage": None, "completed_at": func.now(), **(_error(error) if error else {})}
    session.execute(state.move_dub(state.LIVE, to).where(Dub.job_id == job_id).values(**values))


def _dub(job_id: UUID, language: str) -> Update:
    return update(Dub).where(Dub.job_id == job_id, Dub.language == language)


def _dub_move(job_id: UUID, language: str, origin: set[Status] | frozenset[Status], to: Status) -> Update:
    return state.move_dub(origin, to).where(Dub.job_id == job_id, Dub.language == language)


def _error(error: tuple[str, str]) -> dict[str, str]:
    return {"error_code": error[0], "error_message": error[1]}


def _over(settings: Settings) -> dict[str, Any]:
    return {
        "lease_token": None,
        "lease_until": None,
        "stage": None,
        "estimated_end_at": None,
        "completed_at": func.now(),
        "expires_at": _from_now(settings.retention_days * 86_400),
    }


def _from_now(seconds: float) -> ColumnElement[datetime]:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, float(seconds))


def _changed(session: Session, statement: Any) -> bool:
    result: CursorResult[Any] = session.execute(statement)  # type: ignore[assignment]
    return result.rowcount > 0


def request_cancel(session: Session, job_id: UUID, *, even_when_ready: bool = False) -> bool:
    """Note that the user wants the job to end; `settle` or the worker ends it. False when it is over already, or
    when a worker is about to end it, all of its languages being ready (unless `even_when_ready`)."""
    # The row first and the dubs in a statement of its own, which sees what whoever held the row has written.
    mine = select(lapsed(), Job.status).where(Job.job_id == job_id, Job.status.in_(state.LIVE)).with_for_update()
    row = session.execute(mine).one_or_none()
    if row is None:
        return False
    is_run = row.status == Status.PROCESSING and not row[0]
    if is_run and not even_when_ready and not _under_way(session, job_id):
        return False
    asked = update(Job).where(Job.job_id == job_id)
    return _changed(session, asked.values(cancel_requested_at=func.coalesce(Job.cancel_requested_at, func.now())))


def _under_way(session: Session, job_id: UUID) -> bool:
    live = select(Dub.id).where(Dub.job_id == job_id, Dub.status.in_(state.LIVE)).limit(1)
    return session.scalar(live) is not None
