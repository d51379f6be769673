"""THE pipeline.

    fetch → extract → separate → transcribe ─┬─ per language: translate → synthesize → align → mix → mux → publish
                                             └─ …

Each stage is a function from artifacts to an artifact; what is recorded already is not made again. A language that
fails for good never stops another; transient trouble stops the job, and the next attempt goes on from here.
"""

from shared import log
from shared.db import transaction
from shared.dubbing import jobs
from shared.dubbing.state import Status
from shared.errors import PermanentError
from shared.storage import results_prefix
from worker.report import Dubbed
from worker.stages.align import align
from worker.stages.extract import Extracted, extract
from worker.stages.fetch import fetch
from worker.stages.mix import mix
from worker.stages.mux import mux
from worker.stages.publish import publish
from worker.stages.separate import Bed, separate
from worker.stages.synthesize import synthesize
from worker.stages.transcribe import Heard, transcribe
from worker.stages.translate import translate
from worker.work import Work

logger = log.get(__name__)


def run(work: Work) -> Status:
    """Run all that is left of the job, and end it. Raises what the stages raise."""
    original = fetch(work)
    sound = extract(work, original)
    bed = separate(work, sound)
    heard = transcribe(work, sound)
    for language in work.request.pending:
        _attempt(work, language, sound, bed, heard)
    return _finish(work)


def dub(work: Work, language: str, sound: Extracted, bed: Bed, heard: Heard) -> None:
    """All that one language takes."""
    translation = translate(work, language, heard)
    spoken = synthesize(work, language, heard, translation)
    placed = align(work, language, sound, heard, spoken)
    mixed = mix(work, language, sound, bed, heard, placed)
    muxed = mux(work, language, sound, heard, spoken, placed, mixed)
    publish(work, Dubbed(language, sound, bed, heard, translation, spoken, placed, mixed, muxed))


def _attempt(work: Work, language: str, sound: Extracted, bed: Bed, heard: Heard) -> None:
    """The language's dub, or its error on its row."""
    with transaction(work.engine) as session:
        jobs.start_dub(session, work.held, language)
    try:
        with log.bound(language=language):
            dub(work, language, sound, bed, heard)
    except PermanentError as error:
        logger.warning("dub failed", language=language, code=error.code, message=error.message)
        with transaction(work.engine) as session:
            jobs.fail_dub(session, work.held, language, (error.code, error.message))


def _finish(work: Work) -> Status:
    with transaction(work.engine) as session:
        prefix = work.storage.path(results_prefix(work.held.job_id))
        return jobs.finish(session, work.held, prefix, work.settings)
