"""What a running job knows: the request, the video, its lease, its checkpoints. Read once; stages get it as it is."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine, select

from shared.config import Settings
from shared.db import transaction
from shared.dubbing import jobs
from shared.dubbing.jobs import Claim
from shared.dubbing.state import LIVE, Status
from shared.dubbing.transcript import GivenTranscript
from shared.models import Job, Video
from shared.storage import Storage
from worker import scratch
from worker.artifacts import Checkpoints
from worker.progress import Progress


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
    """What the user asked for. `pending` are the languages that are not over yet."""

    source_language: str | None
    transcript: GivenTranscript | None
    languages: tuple[str, ...]
    pending: tuple[str, ...]
    voices: dict[str, str]
    background: str


@dataclass(frozen=True)
class Work:
    """All that a stage may use."""

    settings: Settings
    engine: Engine
    storage: Storage
    held: Claim
    original: Original
    request: Request
    scratch: Path
    checkpoints: Checkpoints
    progress: Progress


def load(settings: Settings, engine: Engine, held: Claim) -> Work:
    """Read the job and prepare its scratch directory. Raises LeaseLostError when it is no longer ours."""
    with transaction(engine) as session:
        job = jobs.lock(session, held)
        video = session.scalars(select(Video).where(Video.id == job.video_id)).one()
        request, original = _request(job), _original(video, job)
    storage = Storage(settings)
    directory = scratch.directory(settings, held.lease_token)
    directory.mkdir(parents=True, exist_ok=True)

    def write(stage: str, progress: float, dub: tuple[str, float] | None) -> None:
        with transaction(engine) as session:
            jobs.report(session, held, stage=stage, progress=progress, dub=dub)

    return Work(
        settings=settings,
        engine=engine,
        storage=storage,
        held=held,
        original=original,
        request=request,
        scratch=directory,
        checkpoints=Checkpoints(engine, storage, held, original.video_id, directory),
        progress=Progress(write, request.languages),
    )


def _request(job: Job) -> Request:
    return Request(
        source_language=job.source_language,
        transcript=GivenTranscript.from_dict(job.source_transcript) if job.source_transcript else None,
        languages=tuple(dub.language for dub in job.dubs),
        pending=tuple(dub.language for dub in job.dubs if Status(dub.status) in LIVE),
        voices=dict(job.options.get("voices") or {}),
        background=job.options.get("background") or "duck",
    )


def _original(video: Video, job: Job) -> Original:
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
