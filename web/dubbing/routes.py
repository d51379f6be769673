"""Dubbing jobs: order, watch, cancel, retry, add languages, fetch."""

from uuid import UUID

from flask import Response, request
from sqlalchemy.orm import Session

from shared import egress, log
from shared.dubbing import leases, orders, shown, state
from shared.dubbing.request import normalised
from shared.dubbing.shown import ShownJob
from shared.errors import TransientError
from shared.models import Job
from web import paging
from web.auth import user_id
from web.client import client
from web.dubbing.bodies import job_body, job_tag, result_body
from web.dubbing.schemas import (
    JobBody,
    JobList,
    JobPath,
    JobQuery,
    MoreLanguages,
    NewJob,
    ResultList,
)
from web.idempotency import IdempotencyHeader, once
from web.neighbours import neighbours, single_statements, transaction
from web.openapi import reply, resource
from web.requests import LARGEST_ORDER_BYTES, takes

POLL_SECONDS = 3

dubbing = resource("dubbing", __name__)
_log = log.get(__name__)


@dubbing.post("/dubbing-jobs", responses={202: JobBody})
@takes(LARGEST_ORDER_BYTES)
def create_job(header: IdempotencyHeader, body: NewJob) -> Response:
    """Ask for a video to be dubbed."""
    near = neighbours()
    wanted = normalised(**body.model_dump(exclude={"video_id", "webhook_url"}))
    webhook_url = egress.checked(near.settings, body.webhook_url) if body.webhook_url else None

    asked_from = client()

    def create(session: Session) -> Response:
        job = orders.order(
            session,
            near.storage,
            near.settings,
            near.published,
            user_id=user_id(),
            video_id=body.video_id,
            request=wanted,
            webhook_url=webhook_url,
            where=asked_from,
        )
        return _accepted(job)

    return _woken(once(header, create))


@dubbing.post("/dubbing-jobs/<uuid:job_id>/languages", responses={202: JobBody})
@takes(LARGEST_ORDER_BYTES)
def add_languages(path: JobPath, header: IdempotencyHeader, body: MoreLanguages) -> Response:
    """Add languages to a job that is over; what was made for the others is used again."""
    settings = neighbours().settings
    wanted, where = normalised(**body.model_dump()), client()

    def add(session: Session) -> Response:
        return _accepted(orders.add_languages(session, settings, user_id(), path.job_id, wanted, where))

    return _woken(once(header, add))


@dubbing.post("/dubbing-jobs/<uuid:job_id>/retry", responses={202: JobBody})
def retry_job(path: JobPath, header: IdempotencyHeader) -> Response:
    """Run again the languages that failed or were canceled; those that are ready stay."""
    settings, where = neighbours().settings, client()
    return _woken(
        once(header, lambda session: _accepted(orders.retry(session, settings, user_id(), path.job_id, where)))
    )


@dubbing.get("/dubbing-jobs", responses={200: JobList})
def list_jobs(query: JobQuery) -> Response:
    """Your jobs, newest first."""
    before = paging.before(query, "jobs")
    with single_statements() as connection:
        rows = shown.listed(
            connection, user_id(), limit=query.limit + 1, before=before, status=query.status, video_id=query.video_id
        )
    page, last = paging.split(rows, query)
    cursor = paging.cursor(last.job_id if last else None, "jobs")
    return reply(JobList(items=[job_body(job) for job in page], next_cursor=cursor))


@dubbing.get("/dubbing-jobs/<uuid:job_id>", responses={200: JobBody})
def read_job(path: JobPath) -> Response:
    """Where a job is. Send `If-None-Match` with the last ETag: 304 while nothing has changed but the clock."""
    with single_statements() as connection:
        job = shown.find(connection, user_id(), path.job_id)
    tag = job_tag(job)
    unchanged = request.if_none_match.contains_weak(tag)
    answer = Response(status=304) if unchanged else reply(job_body(job))
    answer.set_etag(tag, weak=True)
    if job.status in state.LIVE:
        answer.headers["Retry-After"] = str(POLL_SECONDS)
    return answer


@dubbing.get("/dubbing-jobs/<uuid:job_id>/results", responses={200: ResultList})
def list_results(path: JobPath) -> Response:
    """The files that are ready, each with a fresh URL; finished languages while others still run."""
    with transaction() as session:
        rows = orders.results(session, user_id(), path.job_id)
    return reply(ResultList(items=[result_body(row) for row in rows]))


@dubbing.post("/dubbing-jobs/<uuid:job_id>/cancel", responses={202: JobBody})
def cancel_job(path: JobPath) -> Response:
    """End a job: at once while it waits, soon while it runs."""
    with transaction() as session:
        job = orders.cancel(session, neighbours().settings, user_id(), path.job_id, client())
    return reply(job_body(job), 202)


def _accepted(job: Job | ShownJob) -> Response:
    return reply(job_body(job), 202, {"Location": f"/dubbing-jobs/{job.job_id}", "Retry-After": str(POLL_SECONDS)})


def _woken(accepted: Response) -> Response:
    """Wake a worker for the job that was accepted; once more for a request that came twice does no harm."""
    wake(UUID(accepted.get_json()["job_id"]))
    return accepted


def wake(job_id: UUID) -> None:
    """Wake a worker; if the queue is away, the sweep will send it: the row is what counts."""
    try:
        neighbours().queue.wake(job_id)
    except TransientError as error:
        _log.warning("wake_not_sent", job_id=str(job_id), reason=error.message)
        return
    with single_statements() as connection:
        leases.stamp_wake(connection, job_id)
