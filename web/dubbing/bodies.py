"""Jobs, dubs and results as the dubbing routes answer them."""

import hashlib
from datetime import UTC, datetime

from shared.dubbing import state
from shared.dubbing.shown import ShownDub, ShownJob
from shared.models import Dub, Job, Result
from web.dubbing.schemas import DubBody, ErrorBody, JobBody, RangeBody, ResultBody
from web.neighbours import neighbours


def job_body(job: Job | ShownJob) -> JobBody:
    """The job as it is now."""
    part = job.options.get("range")
    return JobBody(
        job_id=job.job_id,
        video_id=job.video_id,
        status=state.Status(job.status),
        progress=job.progress,
        stage=job.stage,
        eta_seconds=_eta_seconds(job),
        attempt=job.attempt,
        round=job.round,
        error=_error(job),
        source_language=job.source_language,
        dubs=[_dub(dub) for dub in job.dubs],
        range=RangeBody(start=part["start"], end=part["end"]) if part else None,
        preview=bool(job.options.get("preview")),
        webhook_url=job.webhook_url,
        original_s3_path=job.original_s3_path,
        result_s3_path=job.result_s3_path,
        created_at=job.created_at,
        started_at=job.started_at,
        completed_at=job.completed_at,
        expires_at=job.expires_at,
    )


def _eta_seconds(job: Job | ShownJob) -> float | None:
    """What is left of the worker's own estimate, in whole seconds; nobody knows while no worker has the job."""
    if job.status != state.Status.PROCESSING or job.estimated_end_at is None:
        return None
    return float(max(0, round((job.estimated_end_at - datetime.now(UTC)).total_seconds())))


def job_tag(job: Job | ShownJob) -> str:
    """An ETag over what a worker or a user changes; the clock alone does not change it, so it is a weak one."""
    rows = [
        (job.status, job.stage, job.progress, job.attempt, job.round, job.error_code, job.error_message),
        (job.estimated_end_at, job.started_at, job.completed_at, job.expires_at, job.result_s3_path),
        *((d.language, d.status, d.stage, d.progress, d.round, d.error_code, d.result_s3_path) for d in job.dubs),
    ]
    return hashlib.blake2b(repr(rows).encode(), digest_size=16).hexdigest()


def _dub(dub: Dub | ShownDub) -> DubBody:
    return DubBody(
        language=dub.language,
        status=state.Status(dub.status),
        stage=dub.stage,
        progress=dub.progress,
        round=dub.round,
        error=_error(dub),
        result_s3_path=dub.result_s3_path,
        completed_at=dub.completed_at,
    )


def _error(row: Job | Dub | ShownJob | ShownDub) -> ErrorBody | None:
    """An error is shown once it is final; until then it is only a reason to try again."""
    if row.error_code is None or row.status not in state.OVER:
        return None
    return ErrorBody(code=row.error_code, message=row.error_message or "")


def result_body(row: Result) -> ResultBody:
    """The file with a fresh URL."""
    near = neighbours()
    expires_at = near.storage.urls_expire_at()
    return ResultBody(
        language=row.language,
        kind=row.kind,
        url=near.storage.presign_get(row.key, filename=row.filename, content_type=row.content_type),
        filename=row.filename,
        content_type=row.content_type,
        size_bytes=row.size_bytes,
        expires_at=expires_at,
    )
