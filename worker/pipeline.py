"""THE pipeline.

    fetch → extract → separate → transcribe ─┬─ per language: translate → synthesize → align → mix → mux → publish
                                             └─ …

Each stage is a function from artifacts to an artifact; what is recorded already is not made again. No language stops
another: one that fails for good has its error, one that met trouble is tried again by the job's next attempt.
"""

from shared import log
from shared.db import transaction
from shared.dubbing import jobs
from shared.dubbing.state import Status
from shared.errors import LeaseLostError, PermanentError
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
    troubles = [_attempt(work, language, sound, bed, heard) for language in work.request.pending]
    for trouble in filter(None, troubles):
        raise trouble
    with transaction(work.engine) as session:
        return jobs.finish(session, work.held, work.settings)


def dub(work: Work, language: str, sound: Extracted, bed: Bed, heard: Heard) -> None:
    """All that one language takes."""
    translation = translate(work, language, heard)
    spoken = synthesize(work, language, heard, translation)
    placed = align(work, language, sound, heard, spoken)
    mixed = mix(work, language, sound, bed, heard, placed)
    muxed = mux(work, language, sound, heard, spoken, placed, mixed)
    publish(work, Dubbed(language, sound, bed, heard, translation, spoken, placed, mixed, muxed))


def _attempt(work: Work, language: str, sound: Extracted, bed: Bed, heard: Heard) -> Exception | None:
    """The language's dub, or its error on its row; trouble that may pass is returned, for the others come first."""
    with transaction(work.engine) as session:
        jobs.start_dub(session, work.held, language)
    try:
        with log.bound(language=language):
            dub(work, language, sound, bed, heard)
    except PermanentError as error:
        logger.warning("dub failed", language=language, code=error.code, message=error.message)
        with transaction(work.engine) as session:
            jobs.fail_dub(session, work.held, language, (error.code, error.message))
    except LeaseLostError:
        raise
    except Exception as trouble:  # noqa: BLE001 - kept, and raised when the other languages are done
        logger.warning("dub interrupted", language=language, error=repr(trouble))
        return trouble
    return None
