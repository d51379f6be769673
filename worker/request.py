"""What a job is to do, as plain values: the request, and the video it is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from shared.dubbing.excerpt import Range
from shared.dubbing.request import DEFAULT_OUTPUTS
from shared.dubbing.state import LIVE, Status
from shared.dubbing.transcript import GivenTranscript
from shared.models import Job, Video


@dataclass(frozen=True)
class Original:
    """The uploaded video as READY recorded it. Durations in seconds, sizes in bytes."""

    video_id: UUID
    key: str
    etag: str
    filename: str
    size_bytes: int
    duration_seconds: float


@dataclass(frozen=True)
class Request:
    """What the user asked for. `pending` are the languages that are not over yet, `done` those that this round ended.

    `translations`: what is to be said, where it came with the job. `voices_for` adds to `voices` by language.
    `excerpt` (in seconds of the original) or `preview`: only that stretch of the video. `speakers`: how many speak.
    `listen_back`: recognise the dub and compare; None: where that costs nothing.
    `glossary` and `registers` (and those `_for` a language): see shared.dubbing.request.
    """

    source_language: str | None
    transcript: GivenTranscript | None
    pending: tuple[str, ...]
    done: tuple[str, ...] = ()
    translations: Mapping[str, GivenTranscript] = field(default_factory=dict)
    voices: Mapping[str, str] = field(default_factory=dict)
    voices_for: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    background: str = "duck"
    subtitles: str = "embedded"
    bilingual: bool = False
    outputs: tuple[str, ...] = DEFAULT_OUTPUTS
    fit: str = "audio"
    audio_track: int | None = None
    excerpt: Range | None = None
    preview: bool = False
    speakers: int | None = None
    listen_back: bool | None = None
    voice_consent: bool = False
    glossary: Mapping[str, str | None] = field(default_factory=dict)
    glossary_for: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    registers: Mapping[str, str] = field(default_factory=dict)
    registers_for: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    round: int = 1

    def wished_voices(self, language: str) -> dict[str, str]:
        """The voices asked for in this language, by speaker."""
        return {**self.voices, **self.voices_for.get(language, {})}

    def terms(self, language: str) -> dict[str, str]:
        """The glossary for this language; a term that is to be kept stands for itself."""
        wished = {**self.glossary, **self.glossary_for.get(language, {})}
        return {term: term if rendering is None else rendering for term, rendering in wished.items()}

    def registers_of(self, language: str) -> dict[str, str]:
        """How each speaker, or `default`, addresses others in this language."""
        return {**self.registers, **self.registers_for.get(language, {})}


def read(job: Job) -> Request:
    """The request that the job's row and its dubs' rows hold; within their session."""
    options, pending = job.options, [dub for dub in job.dubs if Status(dub.status) in LIVE]
    return Request(
        round=job.round,
        source_language=job.source_language,
        transcript=GivenTranscript.from_dict(job.source_transcript) if job.source_transcript else None,
        pending=tuple(dub.language for dub in pending),
        done=tuple(dub.language for dub in job.dubs if dub not in pending and dub.round == job.round),
        translations={
            dub.language: GivenTranscript.from_dict(dub.transcript) for dub in pending if dub.transcript is not None
        },
        voices=options.get("voices") or {},
        voices_for=options.get("voices_for") or {},
        background=options.get("background") or "duck",
        subtitles=options.get("subtitles") or "embedded",
        bilingual=bool(options.get("bilingual")),
        outputs=tuple(options.get("outputs") or DEFAULT_OUTPUTS),
        fit=options.get("fit") or "audio",
        audio_track=options.get("audio_track"),
        excerpt=Range(**options["range"]) if options.get("range") else None,
        preview=bool(options.get("preview")),
        speakers=options.get("speakers"),
        listen_back=options.get("listen_back"),
        voice_consent=bool(options.get("voice_consent")),
        glossary=options.get("glossary") or {},
        glossary_for=options.get("glossary_for") or {},
        registers=options.get("registers") or {},
        registers_for=options.get("registers_for") or {},
    )


def original(video: Video, job: Job) -> Original:
    """The video that the job is for."""
    # Only READY videos get jobs, and READY stores all three.
    assert video.etag is not None
    assert video.size_bytes is not None
    assert video.duration_seconds is not None
    return Original(
        video_id=video.id,
        key=job.original_s3_path.split("/", 3)[3],
        etag=video.etag,
        filename=video.filename,
        size_bytes=video.size_bytes,
        duration_seconds=video.duration_seconds,
    )
