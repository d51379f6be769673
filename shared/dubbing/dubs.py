"""Each language of a job: begun, ready with its results, failed. Each function is one step inside one transaction.

Every write is fenced by the lease's token.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import Update, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.dubbing import leases, state
from shared.dubbing.leases import Claim
from shared.dubbing.state import Status
from shared.errors import LeaseLostError
from shared.models import Dub, Job, Result, new_id


@dataclass(frozen=True)
class NewResult:
    """A file that a user can download; `language` is None for what belongs to the source."""

    language: str | None
    kind: str
    key: str
    filename: str
    content_type: str
    size_bytes: int


def start(session: Session, held: Claim, language: str) -> None:
    """The language's own work begins."""
    leases.lock(session, held)
    session.execute(_move(held.job_id, language, {Status.PENDING, Status.PROCESSING}, Status.PROCESSING))


def finish(session: Session, held: Claim, language: str, prefix: str, results: Sequence[NewResult]) -> None:
    """The language is ready: its results can be fetched while others still run. Raises LeaseLostError, also for a
    job that was canceled meanwhile.

    What belongs to the source is written by the first language that brings it.
    """
    lock_wanted(session, held)
    moved = _move(held.job_id, language, state.LIVE, Status.COMPLETED).values(
        progress=1.0, stage=None, result_s3_path=prefix, completed_at=func.now(), error_code=None, error_message=None
    )
    if leases.changed(session, moved):
        rows = [{"id": new_id(), "job_id": held.job_id, **asdict(result)} for result in results]
        for row in rows:
            session.execute(insert(Result).values(**row).on_conflict_do_nothing())


def fail(session: Session, held: Claim, language: str, error: tuple[str, str]) -> None:
    """The language ends with an error; the others go on. Raises LeaseLostError as `finish` does."""
    lock_wanted(session, held)
    moved = _move(held.job_id, language, state.LIVE, Status.FAILED)
    session.execute(moved.values(stage=None, completed_at=func.now(), **error_columns(error)))


@dataclass(frozen=True)
class Ready:
    """A language that is ready, and the prefix of its files in the bucket."""

    language: str
    prefix: str


def ready(session: Session, job_id: UUID) -> list[Ready]:
    """The job's languages that are ready, of all rounds, in the order in which they were asked for."""
    found = select(Dub.language, Dub.result_s3_path).where(Dub.job_id == job_id, Dub.status == Status.COMPLETED)
    rows = session.execute(found.order_by(Dub.position)).all()
    return [Ready(row.language, row.result_s3_path.split("/", 3)[3]) for row in rows if row.result_s3_path]


def replace_results(session: Session, held: Claim, kind: str, results: Sequence[NewResult]) -> list[str]:
    """Put `results` in place of the job's files of `kind` and of their report; the keys that nobody names any more.

    Raises LeaseLostError, also for a job that was canceled meanwhile.
    """
    lock_wanted(session, held)
    old = delete(Result).where(Result.job_id == held.job_id, Result.kind.in_((kind, f"{kind}_report")))
    gone = set(session.scalars(old.returning(Result.key)))
    for result in results:
        session.execute(insert(Result).values(id=new_id(), job_id=held.job_id, **asdict(result)))
    return sorted(gone - {result.key for result in results})


def lock_wanted(session: Session, held: Claim) -> Job:
    """The job's row, locked, of a job that nobody canceled. Raises LeaseLostError."""
    job = leases.lock(session, held)
    if job.cancel_requested_at is not None:
        raise LeaseLostError("cancel was asked for")
    return job


def end_all(session: Session, job_id: UUID, to: Status, error: tuple[str, str] | None = None) -> None:
    """End those of the job's dubs that are not over."""
    values = {"stage": None, "completed_at": func.now(), **(error_columns(error) if error else {})}
    session.execute(state.move_dub(state.LIVE, to).where(Dub.job_id == job_id).values(**values))


def of_language(job_id: UUID, language: str) -> Update:
    """An update of the language's dub."""
    return update(Dub).where(Dub.job_id == job_id, Dub.language == language)


def _move(job_id: UUID, language: str, origin: set[Status] | frozenset[Status], to: Status) -> Update:
    return state.move_dub(origin, to).where(Dub.job_id == job_id, Dub.language == language)


def error_columns(error: tuple[str, str]) -> dict[str, str]:
    """A code and a sentence, as jobs and dubs have them."""
    return {"error_code": error[0], "error_message": error[1]}
