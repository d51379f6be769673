"""What a running job knows: the request, the video, its lease, its checkpoints. Read once; stages get it as it is."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from shared import log
from shared.config import Settings
from shared.db import transaction
from shared.dubbing import jobs, leases, speeds
from shared.dubbing.leases import Claim
from shared.models import Video
from shared.storage import Storage
from worker import request as requests
from worker import scratch
from worker.artifacts import Checkpoints
from worker.expectation import Expectation
from worker.progress import Learn, Progress, Report, Write
from worker.request import Original, Request
from worker.threads import cores, lanes

logger = log.get(__name__)


@dataclass(frozen=True)
class Work:
    """All that a stage may use. So many languages run side by side as there are `lanes`."""

    settings: Settings
    engine: Engine
    storage: Storage
    held: Claim
    original: Original
    request: Request
    scratch: Path
    checkpoints: Checkpoints
    progress: Progress
    lanes: int
    cores: int


def load(settings: Settings, engine: Engine, held: Claim) -> Work:
    """Read the job and prepare its scratch directory. Raises LeaseLostError when it is no longer ours."""
    with transaction(engine) as session:
        job = leases.lock(session, held)
        video = session.scalars(select(Video).where(Video.id == job.video_id)).one()
        request, original = requests.read(job), requests.original(video, job)
        known = speeds.read(session)
    storage = Storage(settings)
    directory = scratch.directory(settings, held.lease_token)
    directory.mkdir(parents=True, exist_ok=True)
    at_once = lanes(len(request.pending))
    expected = Expectation(settings, request, original)
    progress = Progress(_writing(engine, held), _learning(engine, expected), expected.forecast(known, at_once))
    for language in request.done:
        progress.over(language)
    return Work(
        settings=settings,
        engine=engine,
        storage=storage,
        held=held,
        original=original,
        request=request,
        scratch=directory,
        checkpoints=Checkpoints(engine, storage, held, original.video_id, directory, request.round),
        progress=progress,
        lanes=at_once,
        cores=cores(),
    )


def _writing(engine: Engine, held: Claim) -> Write:
    def write(report: Report) -> None:
        with transaction(engine) as session:
            jobs.report(
                session,
                held,
                stage=report.stage,
                progress=report.progress,
                dub=report.dub,
                remaining_seconds=report.remaining_seconds,
            )

    return write


def _learning(engine: Engine, expected: Expectation) -> Learn:
    """What a stage took, for the forecasts of later jobs; never a reason for this one to fail."""

    def learn(stage: str, name: str, seconds: float) -> None:
        try:
            with transaction(engine) as session:
                speeds.learn(session, stage, name, seconds=seconds, of_seconds=expected.seconds_of(stage))
        except SQLAlchemyError as error:
            logger.warning("speed not learned", learned_from=stage, error=repr(error))

    return learn
