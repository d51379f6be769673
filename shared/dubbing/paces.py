"""How fast each voice speaks, learned from what it said. Each function is one step inside one transaction."""

from math import isfinite
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.models import VoicePace

# What is remembered of a voice, some twenty minutes of speech: what comes later displaces what came first.
MEMORY = 20_000.0
# No voice is slower or faster than this, in characters a second: such a line was not speech.
SLOWEST, FASTEST = 2.0, 60.0


class Said(NamedTuple):
    """So many characters were said in so many seconds."""

    characters: float
    seconds: float


def read(session: Session, language: str) -> dict[str, Said]:
    """What is known of each voice that has spoken the language, by voice id."""
    rows = session.scalars(select(VoicePace).where(VoicePace.language == language))
    return {row.voice_id: Said(row.characters, row.seconds) for row in rows}


def learn(session: Session, voice_id: str, language: str, said: Said) -> bool:
    """Add what the voice said to what is known of it. False, and nothing, where that says nothing."""
    if not _tells(said):
        return False
    first = insert(VoicePace).values(voice_id=voice_id, language=language, characters=said[0], seconds=said[1])
    kept = func.least(1.0, func.greatest(0.0, MEMORY - said.characters) / VoicePace.characters)
    again = first.on_conflict_do_update(
        index_elements=[VoicePace.voice_id, VoicePace.language],
        set_={
            "characters": VoicePace.characters * kept + said.characters,
            "seconds": VoicePace.seconds * kept + said.seconds,
            "updated_at": func.now(),
        },
    )
    session.execute(again)
    return True


def _tells(said: Said) -> bool:
    measured = all(map(isfinite, said)) and said.characters > 0 and said.seconds > 0
    return measured and SLOWEST <= said.characters / said.seconds <= FASTEST
