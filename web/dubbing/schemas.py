"""What the dubbing routes take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.dubbing.state import Status
from web.paging import PageQuery

LONGEST_TRANSCRIPT = 5_000_000
Tag = Annotated[str, Field(min_length=2, max_length=35)]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TRANSCRIPT)]
Speaker = Annotated[str, Field(min_length=1, max_length=100)]
VoiceId = Annotated[str, Field(min_length=1, max_length=200)]


class JobPath(BaseModel):
    """Which job."""

    job_id: UUID


class NewJob(BaseModel):
    """A request to dub a video."""

    model_config = ConfigDict(extra="forbid")

    video_id: UUID
    target_languages: list[Tag] = Field(min_length=1, max_length=50, description="BCP-47 tags.", examples=[["es"]])
    source_language: Tag | None = Field(None, description="BCP-47; may be left out where an engine detects it.")
    source_transcript: Text | dict[str, Any] | None = Field(
        None, description="What is said: SRT or VTT as text, or `{segments: [{text, start?, end?, speaker?}]}`."
    )
    voices: dict[Speaker, VoiceId] = Field(
        default_factory=dict,
        max_length=100,
        description="A voice for each speaker, or for `default`; used in the target languages that it speaks.",
    )
    background: Literal["keep", "duck", "drop"] = Field("duck", description="What becomes of music and noise.")


class ErrorBody(BaseModel):
    """Why something failed."""

    code: str
    message: str


class DubBody(BaseModel):
    """One language of a job."""

    language: str
    status: Status
    progress: float = Field(ge=0, le=1)
    error: ErrorBody | None


class JobBody(BaseModel):
    """A dubbing job. `progress` goes from 0 to 1; `stage` is what is being done now."""

    job_id: UUID
    video_id: UUID
    status: Status
    progress: float = Field(ge=0, le=1)
    stage: str | None
    eta_seconds: float | None
    attempt: int
    error: ErrorBody | None
    source_language: str | None
    dubs: list[DubBody]
    original_s3_path: str
    result_s3_path: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime | None


class JobQuery(PageQuery):
    """Which jobs."""

    status: Status | None = None
    video_id: UUID | None = None


class JobList(BaseModel):
    """A page of jobs, newest first."""

    items: list[JobBody]
    next_cursor: str | None


class ResultBody(BaseModel):
    """A file to download from `url` before `expires_at`. `language` is null for what belongs to the source."""

    language: str | None
    kind: str
    url: str
    filename: str
    content_type: str
    size_bytes: int
    expires_at: datetime


class ResultList(BaseModel):
    """The files of a job that are ready."""

    items: list[ResultBody]
