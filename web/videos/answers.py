"""Rows of videos and open uploads as their answers, with the URLs that are signed for them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.models import Video
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
    error = (
        Rejection(code=video.rejection_code, message=video.rejection_message or "") if video.rejection_code else None
    )
    return VideoBody.model_validate(
        {
            **{name: getattr(video, name) for name in VideoBody.model_fields if hasattr(video, name)},
            "video_id": video.id,
            "thumbnail_url": thumbnail,
            "error": error,
        }
    )


def whole_upload(video: Video) -> SingleUpload | MultipartUpload:
    """How to send all of the video's bytes."""
    if video.part_size is None:
        return single(video)
    numbers = range(1, len(uploads.sizes(video)) + 1)
    return MultipartUpload(part_size=video.part_size, parts=_parts(video, numbers), **_times(video))


def single(video: Video) -> SingleUpload:
    """A PUT of all bytes."""
    url, headers = neighbours().storage.presign_put(
        original_key(video.id), size_bytes=uploads.expected_bytes(video), content_type=video.content_type
    )
    return SingleUpload(url=url, headers=headers, **_times(video))


def parts(video: Video, numbers: Iterable[int]) -> PartUploads:
    """PUTs of some parts."""
    return PartUploads(parts=_parts(video, numbers), **_times(video))


def progress(video: Video, stored: Iterable[Part]) -> MultipartState:
    """What of an upload in parts has come."""
    assert video.part_size is not None
    return MultipartState(
        part_size=video.part_size,
        part_count=len(uploads.sizes(video)),
        uploaded_parts=[
            UploadedPart(part_number=part.number, etag=part.etag, size_bytes=part.size_bytes) for part in stored
        ],
        upload_expires_at=_times(video)["upload_expires_at"],
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
    """When URLs signed now lapse, and when the upload does."""
    settings = neighbours().settings
    return {
        "expires_at": datetime.now(UTC) + timedelta(seconds=settings.presigned_url_seconds),
        "upload_expires_at": video.created_at + uploads.expiry(settings),
    }
