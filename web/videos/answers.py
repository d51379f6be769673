"""Rows of videos and open uploads as their answers, with the URLs that are signed for them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from shared.models import Video, VideoStatus
from shared.multipart import Part
from shared.storage import original_key, thumbnail_key
from shared.videos import uploads
from web.neighbours import neighbours
from web.videos.schemas import (
    MultipartState,
    MultipartUpload,
    PartUpload,
    PartUploads,
    Rejection,
    SingleUpload,
    UploadedPart,
    VideoBody,
)


def body(video: Video) -> VideoBody:
    """The video as it is."""
    thumbnail = neighbours().storage.presign_get(thumbnail_key(video.id)) if video.has_thumbnail else None
    reason = (
        Rejection(code=video.rejection_code, message=video.rejection_message or "") if video.rejection_code else None
    )
    return VideoBody.model_validate(
        {
            **{name: getattr(video, name) for name in VideoBody.model_fields if hasattr(video, name)},
            "video_id": video.id,
            "thumbnail_url": thumbnail,
            "error": reason if video.status == VideoStatus.REJECTED else None,
            "retry_reason": reason if video.status == VideoStatus.IMPORTING else None,
        }
    )


def whole_upload(video: Video) -> SingleUpload | MultipartUpload:
    """How to send all of the video's bytes; it need not be written yet, see `written`."""
    if video.part_size is None:
        return single(video)
    times, numbers = _times(video), range(1, len(uploads.sizes(video)) + 1)
    return MultipartUpload(part_size=video.part_size, parts=_parts(video, numbers), **times)


def written(upload: SingleUpload | MultipartUpload, video: Video) -> SingleUpload | MultipartUpload:
    """The upload of a video that was written since, by the database's clock."""
    return upload.model_copy(update={"upload_expires_at": _upload_expires_at(video)})


def single(video: Video) -> SingleUpload:
    """A PUT of all bytes."""
    times = _times(video)
    url, headers = neighbours().storage.presign_put(
        original_key(video.id), size_bytes=uploads.expected_bytes(video), content_type=video.content_type
    )
    return SingleUpload(url=url, headers=headers, **times)


def parts(video: Video, numbers: Iterable[int]) -> PartUploads:
    """PUTs of some parts."""
    times = _times(video)
    return PartUploads(parts=_parts(video, numbers), **times)


def progress(video: Video, stored: Iterable[Part]) -> MultipartState:
    """What of an upload in parts has come."""
    assert video.part_size is not None
    return MultipartState(
        part_size=video.part_size,
        part_count=len(uploads.sizes(video)),
        uploaded_parts=[
            UploadedPart(part_number=part.number, etag=part.etag, size_bytes=part.size_bytes) for part in stored
        ],
        upload_expires_at=_upload_expires_at(video),
    )


def _parts(video: Video, numbers: Iterable[int]) -> list[PartUpload]:
    assert video.upload_id is not None
    key, sizes, made = original_key(video.id), uploads.sizes(video), []
    for number in numbers:
        size = sizes[number - 1]
        url, headers = neighbours().multipart.presign_part(key, video.upload_id, number, size)
        made.append(PartUpload(part_number=number, size_bytes=size, url=url, headers=headers))
    return made


def _times(video: Video) -> dict[str, Any]:
    """When URLs that are signed from now on lapse, and when the upload does."""
    return {"expires_at": neighbours().storage.urls_expire_at(), "upload_expires_at": _upload_expires_at(video)}


def _upload_expires_at(video: Video) -> datetime:
    began: datetime | None = video.created_at  # none yet before it is written
    return (began or datetime.now(UTC)) + uploads.expiry(neighbours().settings)
