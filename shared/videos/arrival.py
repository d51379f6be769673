"""The bytes of a video have come: look at them once, and be READY or REJECTED for good."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from shared.config import Settings
from shared.errors import AppError, not_found
from shared.models import Video, VideoStatus
from shared.multipart import Multipart
from shared.storage import ObjectChangedError, Storage, StoredObject, original_key, thumbnail_key
from shared.videos import library, uploads
from shared.videos.probe import Probed, probe
from shared.videos.uploads import SentPart

UNDECIDED = (VideoStatus.AWAITING_UPLOAD, VideoStatus.IMPORTING)

Transaction = Callable[[], AbstractContextManager[Session]]


def arrived(
    transaction: Transaction,
    storage: Storage,
    multipart: Multipart,
    settings: Settings,
    *,
    user_id: UUID,
    video_id: UUID,
    parts: Sequence[SentPart] | None = None,
) -> Video:
    """Complete the upload, probe what came and record it; asked again, the same answer from the row.

    Nothing is open in the database while the file is read; whoever writes first decides, and a crash between the
    file store and the database only means that it is looked at again. Raises AppError `not_found` (404),
    `not_uploading` (409, an import), those of uploads.completed and of `examined`, and for a REJECTED video its
    reason (422).
    """
    with transaction() as session:
        video = library.find(session, user_id, video_id)
    if video.status == VideoStatus.IMPORTING:
        uploads.demand_open(video)
    if video.status == VideoStatus.AWAITING_UPLOAD:
        if video.upload_id is not None:
            uploads.completed(multipart, storage, video, parts)
        video = examined(transaction, storage, settings, video_id)
    if video.status == VideoStatus.REJECTED:
        raise rejected(video)
    return video


def examined(
    transaction: Transaction,
    storage: Storage,
    settings: Settings,
    video_id: UUID,
    *,
    fence: Sequence[ColumnElement[bool]] = (),
) -> Video:
    """Look at the object that is there and record the verdict on a video that waits for its bytes or is imported.

    READY or REJECTED (`size_mismatch`, `empty_upload`, `too_large`, `not_media`, `no_audio`, `picture_unreadable`,
    `truncated`, `too_long`) in the row that is returned; a video that is over already, or no longer under the writer's
    `fence`, is returned as it is. Raises AppError `not_found` (404; deleted too), `not_uploaded` (409), `probe_busy`
    (503); TransientError.
    """
    video = _current(transaction, video_id)
    if video.status in UNDECIDED:
        verdict = _look(storage, settings, video)
        with transaction() as session:
            _record(session, video_id, verdict, fence)
        video = _current(transaction, video_id)
    return video


def _current(transaction: Transaction, video_id: UUID) -> Video:
    with transaction() as session:
        video = session.scalar(select(Video).where(Video.id == video_id, Video.deleted_at.is_(None)))
    if video is None:
        raise not_found("video")
    return video


def rejected(video: Video) -> AppError:
    """The refusal that a REJECTED video gets, now and later."""
    details = {"video": {"video_id": str(video.id), "status": video.status}}
    return AppError(video.rejection_code or "not_media", video.rejection_message or "", 422, details=details)


def _look(storage: Storage, settings: Settings, video: Video) -> dict[str, Any]:
    """The columns to write: those of a READY video, or of a REJECTED one."""
    key = original_key(video.id)
    stored = storage.head(key)
    if stored is None:
        raise AppError("not_uploaded", "The file has not been uploaded yet.", 409)
    try:
        _check_size(video, stored, settings)
        probed = probe(
            lambda offset, length: storage.read_range(key, offset, length, etag=stored.etag), stored.size_bytes
        )
        _check_length(probed, settings)
    except ObjectChangedError:
        raise AppError("not_uploaded", "The file changed while it was read. Try again.", 409) from None
    except AppError as error:
        if error.status != 422:
            raise
        return {
            "status": VideoStatus.REJECTED,
            "rejection_code": error.code,
            "rejection_message": error.message,
            **_kept(stored, settings),
        }
    if probed.thumbnail:
        storage.put(thumbnail_key(video.id), probed.thumbnail, "image/jpeg")
    return _ready(probed, stored, settings)


def _check_size(video: Video, stored: StoredObject, settings: Settings) -> None:
    if video.size_bytes not in (None, stored.size_bytes):
        raise AppError(
            "size_mismatch",
            f"{video.size_bytes} bytes were announced, {stored.size_bytes} came. "
            "Announce the file again as a new video, with its real size.",
            422,
        )
    if stored.size_bytes == 0:
        raise AppError("empty_upload", "The file is empty. Choose another one.", 422)
    if stored.size_bytes > settings.max_upload_bytes:
        raise library.too_large(settings)


def _check_length(probed: Probed, settings: Settings) -> None:
    if probed.facts.duration_seconds > settings.max_duration_seconds:
        hours = settings.max_duration_seconds / 3600
        raise AppError(
            "too_long",
            f"The video may last {hours:g} hours at most. Cut it, and announce each part as a new video.",
            422,
        )


def _ready(probed: Probed, stored: StoredObject, settings: Settings) -> dict[str, Any]:
    picture = probed.facts.video
    return {
        "status": VideoStatus.READY,
        "rejection_code": None,
        "rejection_message": None,
        "size_bytes": stored.size_bytes,
        "duration_seconds": probed.facts.duration_seconds,
        "has_video": picture is not None,
        "width": picture.width if picture else None,
        "height": picture.height if picture else None,
        "fps": picture.fps if picture else None,
        "has_thumbnail": probed.thumbnail is not None,
        **_kept(stored, settings),
    }


def _kept(stored: StoredObject, settings: Settings) -> dict[str, Any]:
    """What is noted of any object that came."""
    return {"etag": stored.etag, "expires_at": func.now() + timedelta(days=settings.retention_days)}


def _record(session: Session, video_id: UUID, verdict: dict[str, Any], fence: Sequence[ColumnElement[bool]]) -> None:
    """Write the verdict unless another has written one meanwhile."""
    undecided = (Video.id == video_id, Video.status.in_(UNDECIDED), Video.deleted_at.is_(None))
    session.execute(update(Video).where(*undecided, *fence).values(uploaded_at=func.now(), **verdict))
