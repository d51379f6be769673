"""Dubbing jobs: order, watch, cancel, fetch."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from flask import Response, request

from shared import log
from shared.dubbing import jobs, orders, state
from shared.dubbing.request import normalised
from shared.errors import TransientError
from shared.models import Dub, Job, Result
from web import paging
from web.auth import user_id
from web.dubbing.schemas import (
    DubBody,
    ErrorBody,
    JobBody,
    JobList,
    JobPath,
    JobQuery,
    NewJob,
    ResultBody,
    ResultList,
)
from web.neighbours import neighbours, transaction
from web.openapi import reply, resource
from web.requests import LARGEST_ORDER_BYTES, takes

POLL_SECONDS = 3

dubbing = resource("dubbing", __name__)
_log = log.get(__name__)


@dubbing.post("/dubbing-jobs", responses={202: JobBody})
@takes(LARGEST_ORDER_BYTES)
def create_job(body: NewJob) -> Response:
    """Ask for a video to be dubbed."""
    near = neighbours()
    wanted = normalised(**body.model_dump(exclude={"video_id"}))
    with transaction() as session:
        job = orders.order(
            session, near.storage, near.settings, user_id=user_id(), video_id=body.video_id, request=wanted
        )
    _wake(job.job_id)
    return reply(_body(job), 202, {"Location": f"/dubbing-jobs/{job.job_id}", "Retry-After": str(POLL_SECONDS)})


@dubbing.get("/dubbing-jobs", responses={200: JobList})
def list_jobs(query: JobQuery) -> Response:
    """Your jobs, newest first."""
    before = paging.before(query, "jobs")
    with transaction() as session:
        rows = orders.listed(
            session, user_id(), limit=query.limit + 1, before=before, status=query.status, video_id=query.video_id
        )
    page, last = paging.split(rows, query)
    cursor = paging.cursor(last.job_id if last else None, "jobs")
    return reply(JobList(items=[_body(job) for job in page], next_cursor=cursor))


@dubbing.get("/dubbing-jobs/<uuid:job_id>", responses={200: JobBody})
def read_job(path: JobPath) -> Response:
    """Where a job is. Send `If-None-Match` with the last ETag: 304 while nothing has changed."""
    with transaction() as session:
        job = orders.find(session, user_id(), path.job_id)
    answer = reply(_body(job))
    if job.status in state.LIVE:
        answer.headers["Retry-After"] = str(POLL_SECONDS)
    answer.add_etag()
    # If-Match guards changes, and this changes nothing; werkzeug would answer 412 with the job as its body.
    answer.make_conditional({name: value for name, value in request.environ.items() if name != "HTTP_IF_MATCH"})
    return answer


@dubbing.get("/dubbing-jobs/<uuid:job_id>/results", responses={200: ResultList})
def list_results(path: JobPath) -> Response:
    """The files that are ready, each with a fresh URL; finished languages while others still run."""
    with transaction() as session:
        rows = orders.results(session, user_id(), path.job_id)
    return reply(ResultList(items=[_result(row) for row in rows]))


@dubbing.post("/dubbing-jobs/<uuid:job_id>/cancel", responses={202: JobBody})
def cancel_job(path: JobPath) -> Response:
    """End a job: at once while it waits, soon while it runs."""
    with transaction() as session:
        job = orders.cancel(session, neighbours().settings, user_id(), path.job_id)
    return reply(_body(job), 202)


def _wake(job_id: UUID) -> None:
    """Wake a worker; if the queue is away, the sweep will send it: the row is what counts."""
    try:
        neighbours().queue.wake(job_id)
    except TransientError as error:
        _log.warning("wake_not_sent", job_id=str(job_id), reason=error.message)
        return
    with transaction() as session:
        jobs.stamp_wake(session, job_id)


def _body(job: Job) -> JobBody:
    fields = {name: getattr(job, name) for name in JobBody.model_fields if hasattr(job, name)}
    return JobBody.model_validate(
        {**fields, "eta_seconds": None, "error": _error(job), "dubs": [_dub(dub) for dub in job.dubs]}
    )


def _dub(dub: Dub) -> DubBody:
    return DubBody(language=dub.language, status=state.Status(dub.status), progress=dub.progress, error=_error(dub))


def _error(row: Job | Dub) -> ErrorBody | None:
    """An error is shown once it is final; until then it is only a reason to try again."""
    if row.error_code is None or row.status not in state.OVER:
        return None
    return ErrorBody(code=row.error_code, message=row.error_message or "")


def _result(row: Result) -> ResultBody:
    near = neighbours()
    return ResultBody(
        language=row.language,
        kind=row.kind,
        url=near.storage.presign_get(row.key, filename=row.filename, content_type=row.content_type),
        filename=row.filename,
        content_type=row.content_type,
        size_bytes=row.size_bytes,
        expires_at=datetime.now(UTC) + timedelta(seconds=near.settings.presigned_url_seconds),
    )
