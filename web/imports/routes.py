"""Imports: name an address, and the worker fetches the file."""

from flask import Response
from sqlalchemy.orm import Session

from shared.videos import imports
from web.auth import user_id
from web.idempotency import IdempotencyHeader, once
from web.imports.schemas import NewImport
from web.neighbours import neighbours
from web.openapi import reply, resource
from web.videos import answers
from web.videos.schemas import VideoBody

POLL_SECONDS = 5

fetched = resource("imports", __name__)


@fetched.post("/videos/import", responses={202: VideoBody})
def import_video(header: IdempotencyHeader, body: NewImport) -> Response:
    """Fetch a video from an address; read the video until it is `READY` or `REJECTED`."""
    settings = neighbours().settings

    def create(session: Session) -> Response:
        video = imports.create(session, settings, user_id(), **body.model_dump())
        headers = {"Location": f"/videos/{video.id}", "Retry-After": str(POLL_SECONDS)}
        return reply(answers.body(video), 202, headers)

    return once(header, create)
