"""Deleting a video and all that was made from it: hidden at once, purged as soon as nothing can write to it any more.

Objects go first and rows after, so a crash leaves it to be done again.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, delete, func, or_, select, update
from sqlalchemy.orm import Session

from shared import db, log
from shared.config import Settings
from shared.dubbing import jobs, state
from shared.errors import PipelineError, not_found
from shared.models import Artifact, Job, Video
from shared.multipart import Multipart
from shared.storage import Storage, artifacts_prefix, original_key, results_prefix, thumbnail_key
from shared.videos import uploads
from shared.videos.arrival import Transaction

BATCH = 200

_log = log.get(__name__)


def hide(session: Session, settings: Settings, user_id: UUID, video_id: UUID) -> bool:
    """Hide the video and its jobs for good, ask live jobs to end, drop its import; whether no job of it is live now.

    Raises AppError `not_found` (404).
    """
    mine = select(Video).where(Video.id == video_id, Video.user_id == user_id, Video.deleted_at.is_(None))
    # Not FOR UPDATE: a worker that holds its job and records an artifact shares the video's key.
    video = session.scalar(mine.with_for_update(key_share=True))
    if video is None:
        raise not_found("video")
    hide_all(session, [video_id])
    live = session.scalars(select(Job.job_id).where(Job.video_id == video_id, Job.status.in_(state.LIVE))).all()
    running = 0
    for job_id in sorted(live):
        jobs.request_cancel(session, job_id, even_when_ready=True)
        running += jobs.settle(session, job_id, settings) is None
    return not running


def hide_all(session: Session, video_ids: list[UUID]) -> None:
    """Mark the videos and their jobs as deleted. An import notices by itself; its row is not touched here, for its
    holder takes it before the video's."""
    session.execute(update(Job).where(Job.video_id.in_(video_ids)).values(deleted_at=func.now()))
    session.execute(update(Video).where(Video.id.in_(video_ids)).values(deleted_at=func.now()))


def purge(engine: Engine, storage: Storage, multipart: Multipart, settings: Settings) -> int:
    """Purge the deleted videos that nothing can write to any more; how many. What fails is logged and comes again."""
    done, last = 0, UUID(int=0)
    while batch := _due(engine, settings, last):
        for video_id in batch:
            try:
                done += purge_one(lambda: db.transaction(engine), storage, multipart, settings, video_id)
            except PipelineError as error:
                _log.warning("not_purged", video_id=str(video_id), reason=repr(error.__cause__ or error))
        last = batch[-1]
    return done


def purge_one(
    transaction: Transaction, storage: Storage, multipart: Multipart, settings: Settings, video_id: UUID
) -> bool:
    """Delete the objects of a deleted video without live jobs, then its rows; whether the last row is gone.

    The video's own row stays, hidden, while a URL that was signed for it may still bring an object. Raises
    TransientError.
    """
    with transaction() as session:
        video = session.scalar(select(Video).where(Video.id == video_id, _dead()))
        ids = session.scalars(select(Job.job_id).where(Job.video_id == video_id)).all()
    if video is None:
        return False
    uploads.abort(multipart, video.id, video.upload_id)
    for prefix in _prefixes(video_id, list(ids)):
        storage.delete_prefix(prefix)
    with transaction() as session:
        session.execute(delete(Job).where(Job.video_id == video_id, Job.status.in_(state.OVER)))
        session.execute(delete(Artifact).where(Artifact.video_id == video_id))
        gone = delete(Video).where(Video.id == video_id, _dead(), _unreachable(settings))
        return session.scalar(gone.returning(Video.id)) is not None


def _due(engine: Engine, settings: Settings, after: UUID) -> list[UUID]:
    # Jobs or artifacts that are still there: nothing was purged yet, for one of the jobs was running.
    made = select(Job.job_id).where(Job.video_id == Video.id).exists()
    kept = select(Artifact.id).where(Artifact.video_id == Video.id).exists()
    ready = or_(_unreachable(settings), made, kept)
    due = select(Video.id).where(_dead(), ready, Video.id > after).order_by(Video.id).limit(BATCH)
    with db.transaction(engine) as session:
        return list(session.scalars(due))


def _dead() -> ColumnElement[bool]:
    live = select(Job.job_id).where(Job.video_id == Video.id, Job.status.in_(state.LIVE)).exists()
    return Video.deleted_at.is_not(None) & ~live


def _unreachable(settings: Settings) -> ColumnElement[bool]:
    """No URL that was signed for its upload is valid any more, and nobody examines what came."""
    lapsed = func.now() - timedelta(seconds=settings.presigned_url_seconds)
    return or_(Video.uploaded_at < lapsed, Video.deleted_at < lapsed)


def _prefixes(video_id: UUID, job_ids: list[UUID]) -> list[str]:
    return [
        original_key(video_id),
        thumbnail_key(video_id),
        artifacts_prefix(video_id),
        *(results_prefix(job_id) for job_id in job_ids),
    ]
