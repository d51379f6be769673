"""What the video routes take and give."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, RootModel, model_validator
from pydantic_core import PydanticCustomError

from shared.models import VideoStatus
from web.paging import PageQuery

# RFC 6838 names with RFC 9110 parameters; the client has to send exactly this with its PUT.
MEDIA_TYPE = re.compile(
    r"(video|audio|application)/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
    r"(; ?[A-Za-z0-9_-]{1,40}=([A-Za-z0-9!#$&^_.+-]{1,80}|\"[A-Za-z0-9!#$&^_.+, -]{1,80}\")){0,4}"
)
# What a browser knows nothing of, it calls the empty string.
ANY_BYTES = "application/octet-stream"


# How many parts one request may name, and how far their numbers may go: as S3 has it.
MOST_NAMED, MOST_PARTS = 1000, 10_000


def _whole(value: Any) -> Any:
    """JSON has one kind of number, and to JSON Schema 394.0 is an integer; text and 394.5 are none."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, Field(strict=True), BeforeValidator(_whole)]
PartNumber = Annotated[Whole, Field(ge=1, le=MOST_PARTS)]


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


class VideoQuery(PageQuery):
    """Which videos."""

    status: VideoStatus | None = None


class NewVideo(BaseModel):
    """A file that is about to be uploaded."""

    model_config = ConfigDict(extra="forbid")

    filename: str = Field(min_length=1, max_length=1024, description="In any script; shown, and used for downloads.")
    size_bytes: Whole = Field(ge=0, le=2**63 - 1)
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


class SingleUpload(BaseModel):
    """How to send the bytes: one PUT to `url` with exactly these headers, before `expires_at`.

    `GET …/upload` signs a fresh URL; the bytes have to be there before `upload_expires_at`.
    """

    kind: Literal["single"] = "single"
    method: Literal["PUT"] = "PUT"
    url: str
    headers: dict[str, str]
    expires_at: datetime
    upload_expires_at: datetime


class PartUpload(BaseModel):
    """Where one part goes: PUT exactly these bytes of the file with exactly these headers; keep the answer's ETag."""

    part_number: int
    size_bytes: int
    url: str
    headers: dict[str, str]


class PartUploads(BaseModel):
    """Fresh URLs of parts; they work until `expires_at`."""

    parts: list[PartUpload]
    expires_at: datetime
    upload_expires_at: datetime


class MultipartUpload(PartUploads):
    """How to send a large file: its parts, in any order and side by side, each `part_size` bytes but the last.

    URLs work until `expires_at` and are signed anew on asking; all has to be there before `upload_expires_at`.
    """

    kind: Literal["multipart"] = "multipart"
    method: Literal["PUT"] = "PUT"
    part_size: int


class UploadedPart(BaseModel):
    """A part that has come."""

    part_number: int
    etag: str
    size_bytes: int


class MultipartState(BaseModel):
    """What of a large file has come; ask for URLs of the other parts, 1 to `part_count`, to go on."""

    kind: Literal["multipart"] = "multipart"
    part_size: int
    part_count: int
    uploaded_parts: list[UploadedPart]
    upload_expires_at: datetime


class UploadState(RootModel[Annotated[SingleUpload | MultipartState, Field(discriminator="kind")]]):
    """An upload that is still open."""


class WantedParts(BaseModel):
    """Which parts to sign URLs for."""

    model_config = ConfigDict(extra="forbid")

    part_numbers: list[PartNumber] = Field(min_length=1, max_length=MOST_NAMED)


class SentPart(BaseModel):
    """A part as it was sent, with the ETag that its PUT was answered with, quotes or not."""

    model_config = ConfigDict(extra="forbid")

    part_number: PartNumber
    etag: str = Field(min_length=1, max_length=200)


class Finished(BaseModel):
    """What was sent of an upload in parts, checked against what came; leave it out to take what came."""

    model_config = ConfigDict(extra="forbid", openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    parts: list[SentPart] | None = Field(None, max_length=MOST_NAMED)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value


class Announced(BaseModel):
    """A video that waits for its bytes."""

    video_id: UUID
    status: VideoStatus
    upload: SingleUpload | MultipartUpload = Field(discriminator="kind")


class Rejection(BaseModel):
    """Why a video was rejected, or is tried again."""

    code: str
    message: str


class VideoBody(BaseModel):
    """A video. Durations are seconds; `thumbnail_url` is signed anew on each request and lives an hour at most."""

    video_id: UUID
    status: VideoStatus
    title: str
    filename: str
    content_type: str
    size_bytes: int | None = Field(description="None while an import does not know it yet.")
    received_bytes: int | None = Field(description="What an import has fetched so far; None when nothing is fetched.")
    duration_seconds: float | None
    has_video: bool | None
    width: int | None
    height: int | None
    fps: float | None
    thumbnail_url: str | None
    error: Rejection | None
    retry_reason: Rejection | None = Field(
        description="What an import met last, while it is tried again; None when nothing went wrong or it goes on."
    )
    created_at: datetime
    uploaded_at: datetime | None
    expires_at: datetime | None


class VideoList(BaseModel):
    """A page of videos, newest first."""

    items: list[VideoBody]
    next_cursor: str | None
