"""What the dubbing routes take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from shared.dubbing.state import Status
from web.paging import PageQuery

LONGEST_TRANSCRIPT = 5_000_000
MOST_LANGUAGES, MOST_VOICES = 50, 100


def _at_most(limit: int) -> BeforeValidator:
    """Refuse a long list or object as a whole, before each of its items becomes an error of its own."""

    def check(value: Any) -> Any:
        if isinstance(value, list | dict) and len(value) > limit:
            raise PydanticCustomError("too_long", "At most {limit} may be named", {"limit": limit})
        return value

    return BeforeValidator(check)


def _transcript(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """One sentence instead of one for each form that it might have had."""
    try:
        return read(value)
    except ValidationError:
        raise PydanticCustomError(
            "transcript",
            "Give SRT or WebVTT as text of 1 to {longest} characters, or an object with a list of segments",
            {"longest": LONGEST_TRANSCRIPT},
        ) from None


Tag = Annotated[str, Field(min_length=2, max_length=35)]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TRANSCRIPT)]
Speaker = Annotated[str, Field(min_length=1, max_length=100)]
VoiceId = Annotated[str, Field(min_length=1, max_length=200)]
REGIONS = "A tag that is not served falls back to its language: `en-US` to `en`, `es-MX` to `es`."


class JobPath(BaseModel):
    """Which job."""

    job_id: UUID


class NewJob(BaseModel):
    """A request to dub a video."""

    model_config = ConfigDict(extra="forbid")

    video_id: UUID
    target_languages: Annotated[list[Tag], _at_most(MOST_LANGUAGES)] = Field(
        min_length=1,
        max_length=MOST_LANGUAGES,
        description=f"BCP-47 tags. {REGIONS} The dub and its results carry the served tag.",
        examples=[["es"]],
    )
    source_language: Tag | None = Field(
        None, description=f"BCP-47; may be left out where an engine detects it. {REGIONS}"
    )
    source_transcript: Annotated[Text | dict[str, Any], WrapValidator(_transcript)] | None = Field(
        None, description="What is said: SRT or VTT as text, or `{segments: [{text, start?, end?, speaker?}]}`."
    )
    voices: Annotated[dict[Speaker, VoiceId], _at_most(MOST_VOICES)] = Field(
        default_factory=dict,
        max_length=MOST_VOICES,
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
