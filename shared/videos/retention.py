"""What is kept for how long: the rows decide, the objects go first, in batches, outside of any transaction.

A video is kept `retention_days` after it came and as long as a job of it is live or has results that are kept.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from shared import log
from shared.config import Settings
from shared.db import transaction
from shared.dubbing import state
from shared.errors import AppError, PipelineError
from shared.models import Artifact, Dub, IdempotencyKey, Job, Result, Video, VideoStatus, WebhookDelivery
from shared.multipart import Multipart
from shared.storage import ORIGINALS, Storage, original_key, results_prefix
from shared.videos import arrival, deletion, uploads

BATCH = 500
KEPT_DELIVERIES_DAYS = 30

_log = log.get(__name__)


def expire_uploads(engine: Engine, storage: Storage, multipart: Multipart, settings: Settings) -> int:
    """Decide on the videos whose upload has taken too long; how many.

    What came without a word is examined and is READY or REJECTED like any other; else the upload is aborted and the
    video REJECTED `upload_expired`. What fails is logged and comes again.
    """
    late = and_(
        Video.status == VideoStatus.AWAITING_UPLOAD,
        Video.created_at < func.now() - uploads.expiry(settings),
        Video.deleted_at.is_(None),
    )
    done = 0
    for video_id in _ids(engine, lambda after: select(Video.id).where(late, Video.id > after).order_by(Video.id)):
        try:
            done += _expire_upload(engine, storage, multipart, settings, video_id)
        except (PipelineError, AppError) as error:
            _log.warning("upload_not_expired", video_id=str(video_id), code=error.code, reason=repr(error.__cause__))
    return done


def _expire_upload(engine: Engine, storage: Storage, multipart: Multipart, settings: Settings, video_id: UUID) -> bool:
    with transaction(engine) as session:
        video = session.get(Video, video_id)
    if video is None:
        return False
    uploads.abort(multipart, video.id, video.upload_id)  # first: behind it no completion can come
    if storage.head(original_key(video.id)) is not None:
        arrival.examined(lambda: transaction(engine), storage, settings, video.id)
        return True
    with transaction(engine) as session:
        return uploads.reject(session, settings, video, uploads.EXPIRED)


def abort_orphans(engine: Engine, multipart: Multipart, settings: Settings) -> int:
    """Abort the uploads in parts that are older than any upload may be and that no video waits for; how many.

    Left by a process that died between the store and the database, or in the middle of storing a large file.
    """
    with transaction(engine) as session:
        before: datetime = session.scalar(select(func.now() - uploads.expiry(settings)))  # type: ignore[assignment]
    done = 0
    for key, upload_id in multipart.open_since(before):
        waits = select(Video.id).where(Video.upload_id == upload_id, Video.status.in_(arrival.UNDECIDED))
        with transaction(engine) as session:
            wanted = key.startswith(ORIGINALS) and session.scalar(waits.where(Video.id == UUID(key[len(ORIGINALS) :])))
        if not wanted:
            multipart.abort(key, upload_id)
            done += 1
    return done


def retain(engine: Engine, storage: Storage, settings: Settings) -> dict[str, int]:
    """Let go of what is kept no longer; how much of each kind. Raises TransientError: the rest comes with the next."""
    return {
        "results": expire_results(engine, storage),
        "videos": expire_videos(engine),
        "artifacts": expire_artifacts(engine, storage, settings),
        "idempotency_keys": _forget(engine, IdempotencyKey, settings.idempotency_seconds),
        "webhook_deliveries": _forget(
            engine, WebhookDelivery, KEPT_DELIVERIES_DAYS * 86_400, WebhookDelivery.status != "PENDING"
        ),
    }


def expire_results(engine: Engine, storage: Storage) -> int:
    """Delete the results of jobs past their `expires_at`; of how many jobs. The jobs stay as history."""
    left = or_(Job.result_s3_path.is_not(None), select(Result.id).where(Result.job_id == Job.job_id).exists())
    due = (Job.expires_at <= func.now(), Job.status.in_(state.OVER), left)
    ids = _ids(engine, lambda after: select(Job.job_id).where(*due, Job.job_id > after).order_by(Job.job_id))
    for job_id in ids:
        storage.delete_prefix(results_prefix(job_id))
        with transaction(engine) as session:
            session.execute(delete(Result).where(Result.job_id == job_id))
            session.execute(update(Dub).where(Dub.job_id == job_id).values(result_s3_path=None))
            session.execute(update(Job).where(Job.job_id == job_id).values(result_s3_path=None))
    return len(ids)


def expire_videos(engine: Engine) -> int:
    """Hide the videos past their `expires_at`; how many. One that a job still needs is kept on with that job."""
    past = and_(Video.expires_at <= func.now(), Video.deleted_at.is_(None))
    needed = select(func.max(Job.expires_at)).where(Job.video_id == Video.id).scalar_subquery()
    live = select(Job.job_id).where(Job.video_id == Video.id, Job.status.in_(state.LIVE)).exists()
    with transaction(engine) as session:
        session.execute(update(Video).where(past, needed > func.now()).values(expires_at=needed))
    # A job may end between these statements, with results that are to be kept.
    unneeded = and_(past, ~live, or_(needed.is_(None), needed <= func.now()))
    ids = _ids(engine, lambda after: select(Video.id).where(unneeded, Video.id > after).order_by(Video.id))
    hidden = 0
    for start in range(0, len(ids), BATCH):
        with transaction(engine) as session:
            hidden += _hide_unneeded(session, ids[start : start + BATCH], unneeded)
    return hidden


def _hide_unneeded(session: Session, ids: Sequence[UUID], unneeded: ColumnElement[bool]) -> int:
    """An order for a video shares its row: with the rows locked, what is read next knows of every order."""
    locked = select(Video.id).where(Video.id.in_(ids)).order_by(Video.id).with_for_update(key_share=True)
    session.execute(locked)
    still = list(session.scalars(select(Video.id).where(Video.id.in_(ids), unneeded)))
    deletion.hide_all(session, still)
    return len(still)


def expire_artifacts(engine: Engine, storage: Storage, settings: Settings) -> int:
    """Delete the artifacts that are old and not of a video with a live job; how many."""
    old = Artifact.created_at < func.now() - timedelta(days=settings.artifact_retention_days)
    live = select(Job.job_id).where(Job.video_id == Artifact.video_id, Job.status.in_(state.LIVE)).exists()
    query = select(Artifact.id, Artifact.key).where(old, ~live).order_by(Artifact.created_at).limit(BATCH)
    done = 0
    while True:
        with transaction(engine) as session:
            rows = session.execute(query).all()
        storage.delete([row.key for row in rows])
        with transaction(engine) as session:
            session.execute(delete(Artifact).where(Artifact.id.in_([row.id for row in rows])))
        done += len(rows)
        if len(rows) < BATCH:
            return done


def _forget(
    engine: Engine, model: type[IdempotencyKey | WebhookDelivery], seconds: float, *only: ColumnElement[bool]
) -> int:
    """Delete rows older than `seconds`, batch by batch; how many."""
    key = tuple_(*model.__table__.primary_key)
    old = model.created_at < func.now() - timedelta(seconds=seconds)
    done = 0
    while True:
        batch = select(*model.__table__.primary_key).where(old, *only).limit(BATCH).with_for_update(skip_locked=True)
        with transaction(engine) as session:
            rows = session.execute(batch).all()
            session.execute(delete(model).where(key.in_(rows))) if rows else None
        done += len(rows)
        if len(rows) < BATCH:
            return done


def _ids(engine: Engine, query: Callable[[UUID], Any]) -> list[UUID]:
    """The ids that `query(after)` selects, read batch by batch."""
    found: list[UUID] = []
    while True:
        with transaction(engine) as session:
            batch = session.scalars(query(found[-1] if found else UUID(int=0)).limit(BATCH)).all()
        found += batch
        if len(batch) < BATCH:
            return found
