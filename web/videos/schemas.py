"""What the video routes take and give."""

import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shared.models import VideoStatus

# RFC 6838 names with RFC 9110 parameters; the client has to send exactly this with its PUT.
MEDIA_TYPE = re.compile(
    r"(video|audio|application)/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
    r"(; ?[A-Za-z0-9_-]{1,40}=([A-Za-z0-9!#$&^_.+-]{1,80}|\"[A-Za-z0-9!#$&^_.+, -]{1,80}\")){0,4}"
)
# What a browser knows nothing of, it calls the empty string.
ANY_BYTES = "application/octet-stream"


def _media_type(text: str) -> str:
    """The type in lower case; its parameters' values stay, for the names of codecs have capitals."""
    kind, semicolon, parameters = text.partition(";")
    known = kind.lower() + semicolon + parameters if text else ANY_BYTES
    if MEDIA_TYPE.fullmatch(known) is None:
        raise PydanticCustomError(
            "media_type", "Give the file's media type, such as video/mp4 or audio/mpeg; leave it empty if unknown"
        )
    return known


class VideoPath(BaseModel):
    """Which video."""

    video_id: UUID


class NewVideo(BaseModel):
    """A file that is about to be uploaded."""

    model_config = ConfigDict(extra="forbid")

    filename: str = Field(min_length=1, max_length=1024, description="In any script; shown, and used for downloads.")
    size_bytes: int = Field(strict=True, ge=0, le=2**63 - 1)
    content_type: Annotated[str, AfterValidator(_media_type)] = Field(
        max_length=255,
        description=f"A video, audio or application type, in any case; empty for `{ANY_BYTES}`.",
        examples=["video/mp4"],
    )
    title: str | None = Field(None, min_length=1, max_length=255)


class NewTitle(BaseModel):
    """What can be changed of a video."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=255)


class Upload(BaseModel):
    """How to send the bytes: one PUT to `url` with exactly these headers, before `expires_at`."""

    kind: Literal["single"] = "single"
    method: Literal["PUT"] = "PUT"
    url: str
    headers: dict[str, str]
    expires_at: datetime


class Announced(BaseModel):
    """A video that waits for its bytes."""

    video_id: UUID
    status: VideoStatus
    upload: Upload


class Rejection(BaseModel):
    """Why a video was rejected."""

    code: str
    message: str


class VideoBody(BaseModel):
    """A video. Durations are seconds; `thumbnail_url` is signed anew on each request and lives an hour at most."""

    video_id: UUID
    status: VideoStatus
    title: str
    filename: str
    content_type: str
    size_bytes: int
    duration_seconds: float | None
    has_video: bool | None
    width: int | None
    height: int | None
    fps: float | None
    thumbnail_url: str | None
    error: Rejection | None
    created_at: datetime
    uploaded_at: datetime | None
    expires_at: datetime | None


class VideoList(BaseModel):
    """A page of videos, newest first."""

    items: list[VideoBody]
    next_cursor: str | None
