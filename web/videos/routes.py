"""Videos: announce, upload, read, retitle, delete."""

from datetime import UTC, datetime, timedelta

from flask import Response

from shared import log
from shared.errors import TransientError
from shared.models import Video
from shared.storage import original_key, thumbnail_key
from shared.videos import library
from shared.videos.arrival import arrived
from web import paging
from web.auth import user_id
from web.neighbours import neighbours, transaction
from web.openapi import reply, resource
from web.paging import PageQuery
from web.videos.schemas import Announced, NewTitle, NewVideo, Rejection, Upload, VideoBody, VideoList, VideoPath

videos = resource("videos", __name__)
_log = log.get(__name__)


@videos.post("/videos", responses={201: Announced})
def create_video(body: NewVideo) -> Response:
    """Announce a file; the answer says how to upload it."""
    settings = neighbours().settings
    with transaction() as session:
        video = library.announce(session, user_id(), settings, **body.model_dump())
    url, headers = neighbours().storage.presign_put(
        original_key(video.id), size_bytes=body.size_bytes, content_type=video.content_type
    )
    expires_at = datetime.now(UTC) + timedelta(seconds=settings.presigned_url_seconds)
    upload = Upload(url=url, headers=headers, expires_at=expires_at)
    answer = Announced(video_id=video.id, status=video.status, upload=upload)  # type: ignore[arg-type]
    return reply(answer, 201, {"Location": f"/videos/{video.id}"})


@videos.post("/videos/<uuid:video_id>/uploaded", responses={200: VideoBody})
def finish_upload(path: VideoPath) -> Response:
    """Say that the bytes are there; they are looked at once, and asking again gives the same answer."""
    near = neighbours()
    video = arrived(transaction, near.storage, near.settings, user_id(), path.video_id)
    return reply(_body(video))


@videos.get("/videos", responses={200: VideoList})
def list_videos(query: PageQuery) -> Response:
    """Your videos, newest first."""
    before = paging.before(query, "videos")
    with transaction() as session:
        rows = library.listed(session, user_id(), limit=query.limit + 1, before=before)
    page, last = paging.split(rows, query)
    cursor = paging.cursor(last.id if last else None, "videos")
    return reply(VideoList(items=[_body(video) for video in page], next_cursor=cursor))


@videos.get("/videos/<uuid:video_id>", responses={200: VideoBody})
def read_video(path: VideoPath) -> Response:
    """One video."""
    with transaction() as session:
        video = library.find(session, user_id(), path.video_id)
    return reply(_body(video))


@videos.patch("/videos/<uuid:video_id>", responses={200: VideoBody})
def retitle_video(path: VideoPath, body: NewTitle) -> Response:
    """Give a video another title."""
    with transaction() as session:
        video = library.retitle(session, user_id(), path.video_id, body.title)
    return reply(_body(video))


@videos.delete("/videos/<uuid:video_id>", responses={204: None})
def delete_video(path: VideoPath) -> Response:
    """Delete a video and everything made from it."""
    with transaction() as session:
        prefixes = library.delete_rows(session, user_id(), path.video_id)
    for prefix in prefixes:
        _delete_objects(prefix)
    return Response(status=204)


def _delete_objects(prefix: str) -> None:
    """The rows decide; an object that can't be deleted now is left for the bucket's lifecycle, and logged."""
    try:
        neighbours().storage.delete_prefix(prefix)
    except TransientError as error:
        _log.warning("objects_left_behind", prefix=prefix, reason=error.message)


def _body(video: Video) -> VideoBody:
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
