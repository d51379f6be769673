"""A user's jobs from the outside: order, find, list, cancel, results."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.config import Settings
from shared.dubbing import jobs, state
from shared.dubbing.request import Request, check
from shared.dubbing.state import Status
from shared.errors import AppError, not_found
from shared.languages import capabilities
from shared.models import Job, Result, User, Video
from shared.storage import Storage, original_key


def order(
    session: Session, storage: Storage, settings: Settings, *, user_id: UUID, video_id: UUID, request: Request
) -> Job:
    """Check the request and write the job; wake a worker after the commit.

    The user's row is locked, so two orders at once are counted one after the other; the video's row is shared, so it
    isn't deleted meanwhile. Raises AppError `not_found` (404), `video_not_ready` (409), `too_many_jobs` (429), 422s.
    """
    session.execute(select(User.id).where(User.id == user_id).with_for_update())
    mine = select(Video).where(Video.id == video_id, Video.user_id == user_id)
    video = session.scalar(mine.with_for_update(read=True))
    if video is None:
        raise not_found("video")
    request = check(request, video, capabilities(session), settings)
    _check_live(session, user_id, settings)
    job = jobs.create(
        session,
        jobs.NewJob(
            user_id=user_id,
            video_id=video_id,
            original_s3_path=storage.path(original_key(video_id)),
            source_language=request.source_language,
            target_languages=request.target_languages,
            source_transcript=request.source_transcript.to_dict() if request.source_transcript else None,
            options=request.options,
        ),
    )
    session.refresh(job)
    return job


def _check_live(session: Session, user_id: UUID, settings: Settings) -> None:
    live = select(func.count()).select_from(Job).where(Job.user_id == user_id, Job.status.in_(state.LIVE))
    if (session.scalar(live) or 0) >= settings.max_live_jobs:
        raise AppError(
            "too_many_jobs",
            f"You have {settings.max_live_jobs} jobs under way. Wait until one is over.",
            429,
            details={"limit": settings.max_live_jobs},
            retry_after=60,
        )


def find(session: Session, user_id: UUID, job_id: UUID) -> Job:
    """The user's job with its dubs. Raises AppError `not_found` (404)."""
    job = session.scalar(select(Job).where(Job.job_id == job_id, Job.user_id == user_id))
    if job is None:
        raise not_found("dubbing job")
    return job


def listed(
    session: Session, user_id: UUID, *, limit: int, before: UUID | None, status: str | None, video_id: UUID | None
) -> Sequence[Job]:
    """Up to `limit` of the user's jobs, newest first, older than `before`; of one status, of one video."""
    query = select(Job).where(Job.user_id == user_id).order_by(Job.job_id.desc()).limit(limit)
    if before is not None:
        query = query.where(Job.job_id < before)
    if status is not None:
        query = query.where(Job.status == status)
    if video_id is not None:
        query = query.where(Job.video_id == video_id)
    return session.scalars(query).all()


def cancel(session: Session, settings: Settings, user_id: UUID, job_id: UUID) -> Job:
    """Ask for the end: at once while it waits, soon while it runs. Raises AppError `not_found`, `invalid_state`."""
    job = find(session, user_id, job_id)
    if not jobs.request_cancel(session, job_id):
        session.refresh(job)
        raise AppError(
            "invalid_state", f"The job is over already ({job.status}).", 409, details={"job_status": job.status}
        )
    jobs.settle(session, job_id, settings)
    session.expire_all()
    return find(session, user_id, job_id)


def results(session: Session, user_id: UUID, job_id: UUID) -> Sequence[Result]:
    """The files that are ready. Raises AppError `not_found` (404), `not_ready` (409) until a dub is."""
    job = find(session, user_id, job_id)
    if not any(dub.status == Status.COMPLETED for dub in job.dubs):
        raise AppError("not_ready", "No language of this job is ready.", 409, details={"job_status": job.status})
    query = select(Result).where(Result.job_id == job_id)
    return session.scalars(query.order_by(Result.language.nulls_first(), Result.kind, Result.filename)).all()
