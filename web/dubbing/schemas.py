"""What the dubbing routes take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args
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
MOST_SECONDS = 1_000_000
MOST_SPEAKERS = 20
MOST_TERMS = 200
MOST_TRACKS = 100
Output = Literal["video_per_language", "multi_audio_video", "audio", "stems", "subtitles"]
MOST_OUTPUTS = len(get_args(Output))


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
Transcript = Annotated[Text | dict[str, Any], WrapValidator(_transcript)]
Languages = Annotated[list[Tag], _at_most(MOST_LANGUAGES)]
Outputs = Annotated[list[Output], _at_most(MOST_OUTPUTS)]
Voices = Annotated[dict[Speaker, VoiceId], _at_most(MOST_VOICES)]
Glossary = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=100)], Annotated[str, Field(max_length=200)] | None],
    _at_most(MOST_TERMS),
]
Registers = Annotated[dict[Speaker, Literal["formal", "informal"]], _at_most(MOST_VOICES)]
TargetTranscripts = Annotated[dict[Tag, Transcript], _at_most(MOST_LANGUAGES)]
REGIONS = "A tag that is not served falls back to its language: `en-US` to `en`, `es-MX` to `es`."


TERMS = "Terms and their renderings; a term with null is kept as it is."
REGISTERS = "How each speaker, or `default`, addresses others, where the language has a choice."
CONSENT = "The owners of the voices agree that they are cloned; needed for the voice `clone`."
OUTPUTS = (
    "The files to make. `video_per_language`: the video with the dub first and the original sound second; "
    "`multi_audio_video`: one file with the original sound and every language that is ready, put together anew when "
    "languages are added; `audio`: each dub's sound alone; `stems`: the voice and the background of each, lossless; "
    "`subtitles`: SRT and WebVTT. Left out: video_per_language, audio and subtitles."
)
GIVEN_TRANSLATIONS = (
    "What is to be said in a target language, instead of a translation: with times, or a line for each of the source's."
)


class RangeBody(BaseModel):
    """A stretch of the video, in seconds from its start; an end behind the video's is the video's."""

    model_config = ConfigDict(extra="forbid")

    start: float = Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False)
    end: float = Field(gt=0, le=MOST_SECONDS, allow_inf_nan=False)


class JobPath(BaseModel):
    """Which job."""

    job_id: UUID


class NewJob(BaseModel):
    """A request to dub a video."""

    model_config = ConfigDict(extra="forbid")

    video_id: UUID
    target_languages: Languages = Field(
        min_length=1,
        max_length=MOST_LANGUAGES,
        description=f"BCP-47 tags. {REGIONS} The dub and its results carry the served tag.",
        examples=[["es"]],
    )
    source_language: Tag | None = Field(
        None, description=f"BCP-47; may be left out where an engine detects it. {REGIONS}"
    )
    source_transcript: Transcript | None = Field(
        None, description="What is said: SRT or VTT as text, or `{segments: [{text, start?, end?, speaker?}]}`."
    )
    target_transcripts: TargetTranscripts = Field(
        default_factory=dict, max_length=MOST_LANGUAGES, description=GIVEN_TRANSLATIONS
    )
    voices: Voices = Field(
        default_factory=dict,
        max_length=MOST_VOICES,
        description="A voice for each speaker, or for `default`; used in the target languages that it speaks. "
        "`auto`, which is also what nobody is asked for, chooses by the pitch of the speaker's own voice. "
        "`clone` makes one from the speaker's own speech for this job, with `voice_consent`.",
    )
    background: Literal["keep", "duck", "drop"] = Field("duck", description="What becomes of music and noise.")
    subtitles: Literal["embedded", "burned_in", "files", "none"] = Field(
        "embedded",
        description="As tracks of the video and as files; drawn into the picture, which is encoded anew for it, and as "
        "files; as files only; or none.",
    )
    bilingual: bool = Field(
        False, strict=True, description="Also subtitles with the source's words beneath; drawn ones are those."
    )
    outputs: Outputs | None = Field(None, min_length=1, max_length=MOST_OUTPUTS, description=OUTPUTS)
    fit: Literal["audio", "video"] = Field(
        "audio",
        description="What gives way where a translation needs more room: the speech, which gets faster; or first the "
        "picture, which is slowed by up to a quarter around it, and with it all that belongs to it.",
    )
    audio_track: int | None = Field(
        None,
        ge=1,
        le=MOST_TRACKS,
        strict=True,
        description="Which of the file's sounds is dubbed, counted from 1. Left out: the one in `source_language`, "
        "else the default one.",
    )
    range: RangeBody | None = Field(None, description="Dub only this stretch, as a short video of its own.")
    preview: bool = Field(False, strict=True, description="Dub only the first 30 seconds with speech.")
    speakers: int | None = Field(
        None, ge=1, le=MOST_SPEAKERS, strict=True, description="How many speak, where the transcript does not say who."
    )
    listen_back: bool | None = Field(
        None,
        strict=True,
        description="Recognise the dub and report each line's word error rate, where the recogniser reads the "
        "language. Left out: only with a recogniser that costs nothing.",
    )
    voice_consent: bool = Field(False, strict=True, description=CONSENT)
    glossary: Glossary = Field(default_factory=dict, max_length=MOST_TERMS, description=TERMS)
    registers: Registers = Field(default_factory=dict, max_length=MOST_VOICES, description=REGISTERS)
    webhook_url: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
        None, description="Where to tell that the job is over; without it the account's webhook is told, if it has one."
    )


class MoreLanguages(BaseModel):
    """Languages to add to a job that is over."""

    model_config = ConfigDict(extra="forbid")

    target_languages: Languages = Field(
        min_length=1, max_length=MOST_LANGUAGES, description=f"BCP-47 tags. {REGIONS}", examples=[["ca"]]
    )
    target_transcripts: TargetTranscripts = Field(
        default_factory=dict, max_length=MOST_LANGUAGES, description=GIVEN_TRANSLATIONS
    )
    voices: Voices = Field(
        default_factory=dict, max_length=MOST_VOICES, description="A voice for each speaker in these languages."
    )
    voice_consent: bool = Field(False, strict=True, description=CONSENT)
    glossary: Glossary = Field(default_factory=dict, max_length=MOST_TERMS, description=TERMS)
    registers: Registers = Field(default_factory=dict, max_length=MOST_VOICES, description=REGISTERS)


class ErrorBody(BaseModel):
    """Why something failed."""

    code: str
    message: str


class DubBody(BaseModel):
    """One language of a job; `round` is the job's in which it was last set to work."""

    language: str
    status: Status
    stage: str | None
    progress: float = Field(ge=0, le=1)
    round: int
    error: ErrorBody | None
    result_s3_path: str | None
    completed_at: datetime | None


class JobBody(BaseModel):
    """A dubbing job. `progress` goes from 0 to 1; `stage` is what is being done now, `eta_seconds` what is left.

    `round` is 1 and grows with each retry and each addition of languages, `attempt` with each time a worker takes it.
    """

    job_id: UUID
    video_id: UUID
    status: Status
    progress: float = Field(ge=0, le=1)
    stage: str | None
    eta_seconds: float | None
    attempt: int
    round: int
    error: ErrorBody | None
    source_language: str | None
    dubs: list[DubBody]
    range: RangeBody | None
    preview: bool
    webhook_url: str | None
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
