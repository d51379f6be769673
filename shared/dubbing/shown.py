"""Jobs as their users see them: read in one statement, as plain values.

Asked for all the time, by every page that watches a job, so nothing here goes through the ORM: statements are put
together once, and a row becomes a value without a session that keeps it (docs/decisions/0010).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, select

from shared.errors import not_found
from shared.models import Dub, Job
from shared.prepared import Prepared


@dataclass(frozen=True, slots=True)
class ShownDub:
    """One language of a job; what its columns mean is with the model."""

    language: str
    status: str
    stage: str | None
    progress: float
    round: int
    error_code: str | None
    error_message: str | None
    result_s3_path: str | None
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ShownJob:
    """A job and its dubs, in the order in which they were asked for; what its columns mean is with the model."""

    job_id: UUID
    user_id: UUID
    video_id: UUID
    status: str
    progress: float
    stage: str | None
    estimated_end_at: datetime | None
    attempt: int
    round: int
    error_code: str | None
    error_message: str | None
    source_language: str | None
    options: dict[str, Any]
    webhook_url: str | None
    original_s3_path: str
    result_s3_path: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime | None
    dubs: tuple[ShownDub, ...]


# The columns that a ShownJob and a ShownDub are made of, in their order.
JOB = [getattr(Job, field.name) for field in fields(ShownJob) if field.name != "dubs"]
DUB = [getattr(Dub, field.name) for field in fields(ShownDub)]
_FIND = Prepared(
    select(*JOB, *DUB)
    .outerjoin(Dub, Dub.job_id == Job.job_id)
    .where(Job.job_id == bindparam("job_id"), Job.user_id == bindparam("user_id"), Job.deleted_at.is_(None))
    .order_by(Dub.position)
)


def of_rows(job: Sequence[Any], dubs: Iterable[Sequence[Any]]) -> ShownJob:
    """The job of a row of the columns JOB and of rows of the columns DUB."""
    return ShownJob(*(*job, tuple(ShownDub(*dub) for dub in dubs)))


def find(connection: Connection, user_id: UUID, job_id: UUID) -> ShownJob:
    """The user's job. Raises AppError `not_found` (404)."""
    found = _jobs(_FIND.rows(connection, {"job_id": job_id, "user_id": user_id}))
    if not found:
        raise not_found("dubbing job")
    return found[0]


def listed(
    connection: Connection,
    user_id: UUID,
    *,
    limit: int,
    before: UUID | None,
    status: str | None,
    video_id: UUID | None,
) -> Sequence[ShownJob]:
    """Up to `limit` of the user's jobs, newest first, older than `before`; of one status, of one video."""
    filters = {"before": before, "status": status, "video_id": video_id}
    given = {name: value for name, value in filters.items() if value is not None}
    return _jobs(_list(frozenset(given)).rows(connection, {"user_id": user_id, "most": limit, **given}))


@cache
def _list(given: frozenset[str]) -> Prepared:
    """The statement for these filters, whose values are its parameters."""
    conditions = {
        "before": Job.job_id < bindparam("before"),
        "status": Job.status == bindparam("status"),
        "video_id": Job.video_id == bindparam("video_id"),
    }
    mine = select(*JOB).where(Job.user_id == bindparam("user_id"), Job.deleted_at.is_(None))
    page = mine.where(*(conditions[name] for name in sorted(given))).order_by(Job.job_id.desc())
    jobs = page.limit(bindparam("most")).subquery("page")
    joined = select(*jobs.c, *DUB).outerjoin(Dub, Dub.job_id == jobs.c.job_id)
    return Prepared(joined.order_by(jobs.c.job_id.desc(), Dub.position))


def _jobs(rows: Iterable[tuple[Any, ...]]) -> list[ShownJob]:
    """Rows of a job and one of its dubs each, those of one job together."""
    width = len(JOB)
    found = []
    for _, group in groupby(rows, key=lambda row: row[0]):
        own = list(group)
        # A job without dubs has one row, with nothing in the dub's columns.
        found.append(of_rows(own[0][:width], [row[width:] for row in own if row[width] is not None]))
    return found
