"""What is sent and what comes back, named and typed as in the service's OpenAPI document. Sizes in bytes, durations in
seconds. Fields of a later version of the service are let through unread."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

JobStatus = Literal["PENDING", "PROCESSING", "COMPLETED", "FAILED", "CANCELED"]
VideoStatus = Literal["AWAITING_UPLOAD", "IMPORTING", "READY", "REJECTED"]
DeliveryStatus = Literal["PENDING", "DELIVERED", "FAILED"]
Background = Literal["keep", "duck", "drop"]
Subtitles = Literal["embedded", "burned_in", "files", "none"]
Output = Literal["video_per_language", "multi_audio_video", "audio", "stems", "subtitles"]
Fit = Literal["audio", "video"]
Gender = Literal["female", "male"]
Register = Literal["formal", "informal"]
FINAL = frozenset({"COMPLETED", "FAILED", "CANCELED"})


class Body(BaseModel):
    """Read-only."""

    model_config = ConfigDict(frozen=True)


class Failure(Body):
    """Why something failed: a stable code and a sentence."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


class Login(Body):
    """Who signs in."""

    email: str
    password: str


class Token(Body):
    """What is sent with every call; it lives for `expires_in` seconds."""

    access_token: str
    token_type: str
    expires_in: int


class NewVideo(Body):
    """A file that is about to be uploaded."""

    filename: str
    size_bytes: int
    content_type: str
    title: str | None = None


class NewImport(Body):
    """A file on another server."""

    url: str
    filename: str | None = None
    title: str | None = None


class NewTitle(Body):
    """What can be changed of a video."""

    title: str


class SingleUpload(Body):
    """One PUT of the whole file with exactly these headers."""

    kind: Literal["single"]
    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime
    upload_expires_at: datetime


class PartUpload(Body):
    """Where one part goes."""

    part_number: int
    size_bytes: int
    url: str
    headers: dict[str, str]


class PartUploads(Body):
    """Fresh addresses of some parts."""

    parts: list[PartUpload]
    expires_at: datetime
    upload_expires_at: datetime


class MultipartUpload(PartUploads):
    """The parts of a large file, each `part_size` bytes but the last."""

    kind: Literal["multipart"]
    method: str
    part_size: int


class UploadedPart(Body):
    """A part that has come."""

    part_number: int
    etag: str
    size_bytes: int


class MultipartState(Body):
    """What has come of a large file."""

    kind: Literal["multipart"]
    part_size: int
    part_count: int
    uploaded_parts: list[UploadedPart]
    upload_expires_at: datetime


Upload = Annotated[SingleUpload | MultipartUpload, Field(discriminator="kind")]
UploadState = Annotated[SingleUpload | MultipartState, Field(discriminator="kind")]


class Announced(Body):
    """A video that waits for its bytes."""

    video_id: str
    status: VideoStatus
    upload: Upload


class WantedParts(Body):
    """The parts to get addresses for."""

    part_numbers: list[int]


class SentPart(Body):
    """A part as it was sent."""

    part_number: int
    etag: str


class Finished(Body):
    """All parts that were sent."""

    parts: list[SentPart] | None = None


class Video(Body):
    """A video."""

    video_id: str
    status: VideoStatus
    title: str
    filename: str
    content_type: str
    size_bytes: int | None
    received_bytes: int | None
    duration_seconds: float | None
    has_video: bool | None
    width: int | None
    height: int | None
    fps: float | None
    thumbnail_url: str | None
    error: Failure | None
    retry_reason: Failure | None
    created_at: datetime
    uploaded_at: datetime | None
    expires_at: datetime | None


class VideoList(Body):
    """A page of videos."""

    items: list[Video]
    next_cursor: str | None


class Range(Body):
    """A part of a video (seconds)."""

    start: float
    end: float


class NewJob(Body):
    """An order. A transcript is SRT or VTT as text, or a document with segments."""

    video_id: str
    target_languages: list[str]
    source_language: str | None = None
    source_transcript: str | dict[str, Any] | None = None
    target_transcripts: dict[str, str | dict[str, Any]] | None = None
    voices: dict[str, str] | None = None
    background: Background | None = None
    subtitles: Subtitles | None = None
    bilingual: bool | None = None
    outputs: list[Output] | None = None
    fit: Fit | None = None
    audio_track: int | None = None
    range: Range | None = None
    preview: bool | None = None
    speakers: int | None = None
    listen_back: bool | None = None
    voice_consent: bool | None = None
    glossary: dict[str, str | None] | None = None
    registers: dict[str, Register] | None = None
    webhook_url: str | None = None


class MoreLanguages(Body):
    """Languages to add to a job that is over."""

    target_languages: list[str]
    target_transcripts: dict[str, str | dict[str, Any]] | None = None
    voices: dict[str, str] | None = None
    voice_consent: bool | None = None
    glossary: dict[str, str | None] | None = None
    registers: dict[str, Register] | None = None


class Dub(Body):
    """One language of a job."""

    language: str
    status: JobStatus
    stage: str | None
    progress: float
    round: int
    error: Failure | None
    result_s3_path: str | None
    completed_at: datetime | None


class Job(Body):
    """A dubbing job as it is now; `progress` from 0 to 1."""

    job_id: str
    video_id: str
    status: JobStatus
    progress: float
    stage: str | None
    eta_seconds: float | None
    attempt: int
    round: int
    error: Failure | None
    source_language: str | None
    dubs: list[Dub]
    range: Range | None
    preview: bool
    webhook_url: str | None
    original_s3_path: str
    result_s3_path: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime | None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.status in FINAL

    @property
    def why(self) -> str:
        """Why it did not succeed, or a language of it, as a sentence."""
        reasons = [self.error, *(dub.error for dub in self.dubs)]
        return str(next(filter(None, reasons), f"The job ended {self.status} and says no more."))


class JobList(Body):
    """A page of jobs."""

    items: list[Job]
    next_cursor: str | None


class ResultFile(Body):
    """A file to download from `url` before `expires_at`."""

    language: str | None
    kind: str
    url: str
    filename: str
    content_type: str
    size_bytes: int
    expires_at: datetime


class ResultList(Body):
    """What a job has made."""

    items: list[ResultFile]


class NewEndpoint(Body):
    """Where to tell of ended jobs."""

    url: str


class Webhook(Body):
    """The account's webhook and the secret that signs what it is told."""

    url: str | None
    secret: str
    created_at: datetime


class Delivery(Body):
    """One event for one address."""

    delivery_id: str
    job_id: str | None
    event: str
    url: str
    status: DeliveryStatus
    attempts: int
    response_status: int | None
    error: str | None
    created_at: datetime
    last_attempt_at: datetime | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None


class DeliveryList(Body):
    """A page of deliveries."""

    items: list[Delivery]
    next_cursor: str | None


class Named(Body):
    """A language's tag and English name."""

    code: str
    name: str


class Language(Named):
    """A language that can be dubbed from."""

    targets: list[Named]
    recognised: bool


class LanguageList(Body):
    """What can be dubbed into what."""

    items: list[Language]


class Voice(Body):
    """A voice to ask for by its `voice_id`."""

    voice_id: str
    engine: str
    name: str
    languages: list[str]
    gender: str | None
    preview_url: str | None


class VoiceList(Body):
    """The voices there are."""

    items: list[Voice]
