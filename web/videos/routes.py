"""Videos: announce, upload, read, retitle, delete."""

from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from shared import log
from shared.accounts.access import demand_alive
from shared.accounts.api_keys import Scope
from shared.errors import AppError, TransientError
from shared.models import Video, VideoStatus
from shared.videos import deletion, library, uploads
from shared.videos.arrival import arrived
from web import paging
from web.auth import needs, user_id
from web.idempotency import IdempotencyHeader, once
from web.neighbours import neighbours, transaction
from web.openapi import reply, resource
from web.videos import answers
from web.videos.schemas import (
    Announced,
    Finished,
    NewTitle,
    NewVideo,
    PartUploads,
    UploadState,
    VideoBody,
    VideoList,
    VideoPath,
    VideoQuery,
    WantedParts,
)

videos = resource("videos", __name__)
_log = log.get(__name__)


@videos.post("/videos", responses={201: Announced})
def create_video(header: IdempotencyHeader, body: NewVideo) -> Response:
    """Announce a file; the answer says how to upload it: in one PUT, or from 64 MiB up in parts."""
    near = neighbours()
    video = library.announced(user_id(), near.settings, **body.model_dump())
    uploads.begin(near.multipart, near.settings, video)
    video_id, upload_id = video.id, video.upload_id
    written: list[UUID] = []

    def create(session: Session) -> Response:
        demand_alive(session, video.user_id)
        session.add(video)
        session.flush()
        session.refresh(video)
        upload = answers.written(signed, video)
        written.append(video.id)
        answer = Announced(video_id=video.id, status=VideoStatus(video.status), upload=upload)
        return reply(answer, 201, {"Location": f"/videos/{video.id}"})

    try:
        signed = answers.whole_upload(video)  # a hundred and more URLs: not in the transaction
        answer = once(header, create)
    except BaseException:
        _abort(video_id, upload_id)
        raise
    if not written:  # the same key was answered before
        _abort(video_id, upload_id)
    return answer


@videos.get("/videos/<uuid:video_id>/upload", responses={200: UploadState})
@needs(Scope.WRITE)
def read_upload(path: VideoPath) -> Response:
    """Go on with an upload: a fresh URL for a single PUT, or which parts have come."""
    video = _uploading(path)
    if video.upload_id is None:
        return reply(answers.single(video))
    return reply(answers.progress(video, uploads.uploaded_parts(neighbours().multipart, video)))


@videos.post("/videos/<uuid:video_id>/upload/parts", responses={200: PartUploads})
def sign_parts(path: VideoPath, body: WantedParts) -> Response:
    """Fresh URLs for some parts of an upload, up to 1,000."""
    video = _uploading(path)
    if video.upload_id is None:
        raise AppError("not_multipart", "This file goes up in one PUT. Ask for its upload to get a fresh URL.", 409)
    uploads.check_numbers(video, body.part_numbers)
    return reply(answers.parts(video, body.part_numbers))


@videos.delete("/videos/<uuid:video_id>/upload", responses={204: None})
def abort_upload(path: VideoPath) -> Response:
    """End an upload and drop its parts; the video is REJECTED with `upload_aborted` and can be deleted."""
    near = neighbours()
    with transaction() as session:
        video = library.find(session, user_id(), path.video_id)
    if video.rejection_code == uploads.ABORTED[0]:
        return Response(status=204)
    uploads.demand_open(video)
    uploads.abort(near.multipart, video.id, video.upload_id)
    with transaction() as session:
        uploads.reject(session, near.settings, video, uploads.ABORTED)
        video = library.find(session, user_id(), path.video_id)
    if video.rejection_code != uploads.ABORTED[0]:
        uploads.demand_open(video)
    return Response(status=204)


@videos.post("/videos/<uuid:video_id>/uploaded", responses={200: VideoBody})
def finish_upload(path: VideoPath, body: Finished) -> Response:
    """Say that the bytes are there; they are looked at once, and asking again gives the same answer."""
    near = neighbours()
    sent = None if body.parts is None else [uploads.SentPart(part.part_number, part.etag) for part in body.parts]
    video = arrived(
        transaction,
        near.storage,
        near.multipart,
        near.settings,
        user_id=user_id(),
        video_id=path.video_id,
        parts=sent,
    )
    return reply(answers.body(video))


@videos.get("/videos", responses={200: VideoList})
def list_videos(query: VideoQuery) -> Response:
    """Your videos, newest first."""
    before = paging.before(query, "videos")
    with transaction() as session:
        rows = library.listed(session, user_id(), limit=query.limit + 1, before=before, status=query.status)
    page, last = paging.split(rows, query)
    cursor = paging.cursor(last.id if last else None, "videos")
    return reply(VideoList(items=[answers.body(video) for video in page], next_cursor=cursor))


@videos.get("/videos/<uuid:video_id>", responses={200: VideoBody})
def read_video(path: VideoPath) -> Response:
    """One video."""
    with transaction() as session:
        video = library.find(session, user_id(), path.video_id)
    return reply(answers.body(video))


@videos.patch("/videos/<uuid:video_id>", responses={200: VideoBody})
def retitle_video(path: VideoPath, body: NewTitle) -> Response:
    """Give a video another title."""
    with transaction() as session:
        video = library.retitle(session, user_id(), path.video_id, body.title)
    return reply(answers.body(video))


@videos.delete("/videos/<uuid:video_id>", responses={204: None})
def delete_video(path: VideoPath) -> Response:
    """Delete a video and everything made from it; jobs that run are canceled first. Gone from here on at once."""
    with transaction() as session:
        idle = deletion.hide(session, neighbours().settings, user_id(), path.video_id)
    if idle:
        _purge(path.video_id)
    return Response(status=204)


def _uploading(path: VideoPath) -> Video:
    with transaction() as session:
        video = library.find(session, user_id(), path.video_id)
    uploads.demand_open(video)
    return video


def _abort(video_id: UUID, upload_id: str | None) -> None:
    """An upload that no row speaks of; what can't be aborted now is left for the bucket's lifecycle, and logged."""
    try:
        uploads.abort(neighbours().multipart, video_id, upload_id)
    except TransientError as error:
        _log.warning("upload_left_behind", video_id=str(video_id), reason=error.message)


def _purge(video_id: UUID) -> None:
    """What can't be deleted now, the purge task deletes later."""
    near = neighbours()
    try:
        deletion.purge_one(transaction, near.storage, near.multipart, near.settings, video_id)
    except TransientError as error:
        _log.warning("not_purged_at_once", video_id=str(video_id), reason=error.message)
