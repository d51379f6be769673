"""What is known of voices' paces: read for a stage, and learned from what was spoken."""

from collections.abc import Iterable

from sqlalchemy.exc import SQLAlchemyError

from shared import log
from shared.db import transaction
from shared.dubbing import paces
from shared.dubbing.paces import Said
from shared.dubbing.transcript import Transcript
from worker.fitting.pace import characters, letters, pace_of
from worker.fitting.room import SPEED, rooms
from worker.voices import DEFAULT
from worker.work import Work

logger = log.get(__name__)


def known_paces(work: Work, language: str) -> dict[str, Said]:
    """What each voice has said of this language, by voice id."""
    with transaction(work.engine) as session:
        return paces.read(session, language)


def budgets(work: Work, language: str, transcript: Transcript, duration: float) -> dict[int, int]:
    """How many characters of the translation each line has time for, by id: what a translator is to aim at.

    Nobody is cast yet: who has no voice wished for is taken for a voice like the others.
    """
    known, wished = known_paces(work, language), work.request.wished_voices(language)
    room = rooms(transcript.segments, duration)
    paced = {speaker: pace_of(wished.get(speaker) or wished.get(DEFAULT), known) for speaker in transcript.speakers}
    return {
        segment.id: characters(SPEED * room[segment.id], paced[segment.speaker], language)
        for segment in transcript.segments
    }


def learn_paces(work: Work, language: str, said: Iterable[tuple[str, str, float]]) -> None:
    """Remember how long voices took for texts (voice id, text, seconds); never a reason for the job to fail."""
    totals: dict[str, Said] = {}
    for voice_id, text, taken in said:
        before = totals.get(voice_id, Said(0.0, 0.0))
        totals[voice_id] = Said(before.characters + letters(text), before.seconds + taken)
    try:
        with transaction(work.engine) as session:
            for voice_id in sorted(totals):  # in one order, so that two jobs never wait for each other
                paces.learn(session, voice_id, language, totals[voice_id])
    except SQLAlchemyError as error:
        logger.warning("paces not learned", error=repr(error))
