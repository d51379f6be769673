"""THE pipeline.

    fetch → (excerpt) → extract → separate → transcribe
      ─┬─ translate → synthesize → (slow) → align ─┬─ mix → mux ─┬─ publish
       │                                           └─── listen ──┘
       └─ … each language, side by side                                 → (assemble)

Each stage is a function from artifacts to an artifact; what is recorded already is not made again. Lines are spoken
from when they are translated, while others still are. No language stops
another: one that fails for good has its error, one that met trouble is tried again by the job's next attempt.
"""

from functools import partial

from shared import log
from shared.db import transaction
from shared.dubbing import dubs, jobs
from shared.dubbing.state import Status
from shared.errors import LeaseLostError, PermanentError, TransientError
from worker.report import Dubbed
from worker.stages.align import align
from worker.stages.assemble import assemble
from worker.stages.captions import captions
from worker.stages.clone import Clones
from worker.stages.excerpt import excerpt, first_recipe
from worker.stages.extract import Extracted, extract, recipe_of
from worker.stages.fetch import fetch, original_of
from worker.stages.listen import listening
from worker.stages.mix import mix
from worker.stages.mux import mux
from worker.stages.publish import publish
from worker.stages.separate import Bed, separate
from worker.stages.slow import slow
from worker.stages.synthesize import Speaking, synthesize
from worker.stages.transcribe import Heard, transcribe
from worker.stages.translate import translate
from worker.threads import side_by_side
from worker.work import Work

logger = log.get(__name__)


def run(work: Work) -> Status:
    """Run all that is left of the job, and end it. Raises what the stages raise."""
    fetch(work, first_recipe(work) or recipe_of(work, original_of(work)))
    sound = extract(work, excerpt(work))
    bed = separate(work, sound)
    heard = transcribe(work, sound)
    attempt = partial(_attempt, work, sound, bed, heard, Clones(work, sound, heard))
    troubles = list(filter(None, side_by_side(attempt, work.request.pending, work.lanes)))
    if troubles:
        raise min(troubles, key=_rank)
    if "multi_audio_video" in work.request.outputs:
        assemble(work, sound, heard)
    with transaction(work.engine) as session:
        return jobs.finish(session, work.held, work.settings)


def dub(work: Work, sound: Extracted, bed: Bed, heard: Heard, clones: Clones, language: str) -> None:
    """All that one language takes."""
    with Speaking(work, language, sound, heard, clones) as speaking:
        translation = translate(work, language, sound, heard, speaking.begin)
        spoken = synthesize(work, language, translation, speaking)
    scene = slow(work, language, sound, bed, heard, translation, spoken)
    placed = align(work, language, scene.sound, scene.translation, spoken)
    with listening(work, language, spoken, placed) as ears:
        mixed = mix(work, language, scene.sound, scene.bed, scene.heard, placed)
        shown = captions(scene, spoken, placed)
        muxed = mux(work, language, scene, shown, mixed)
        listened = ears.listened()
    publish(work, Dubbed(language, scene, heard, spoken, placed, mixed, shown, muxed, listened))


def _attempt(work: Work, sound: Extracted, bed: Bed, heard: Heard, clones: Clones, language: str) -> Exception | None:
    """The language's dub, or its error on its row; trouble that may pass is returned, for the others go on."""
    with transaction(work.engine) as session:
        dubs.start(session, work.held, language)
    try:
        with log.bound(language=language):
            dub(work, sound, bed, heard, clones, language)
    except PermanentError as error:
        logger.warning("dub failed", language=language, code=error.code, message=error.message)
        with transaction(work.engine) as session:
            dubs.fail(session, work.held, language, (error.code, error.message))
    except LeaseLostError:
        work.progress.stop()
        raise
    except TransientError as trouble:
        logger.warning("dub interrupted", language=language, error=repr(trouble))
        return trouble
    except Exception as trouble:
        logger.warning("dub interrupted", language=language, exc_info=trouble)
        return trouble
    finally:
        work.progress.over(language)
    return None


def _rank(trouble: Exception) -> tuple[bool, float]:
    """The worst first: what nobody expected, then what wants the longest wait."""
    expected = isinstance(trouble, TransientError)
    return expected, -(trouble.retry_after or 0.0) if isinstance(trouble, TransientError) else 0.0
