"""What listening to a dub says: how much of each line was heard as it is written, and which lines are unclear. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from worker.word_errors import Errors, errors

# A recogniser is wrong about every voice now and then: a line stands out that is so much worse than its voice.
FAR_ABOVE = 0.4
# In a shorter line one word that is misheard is a third of it.
LEAST_WORDS = 4


class Said(NamedTuple):
    """A line that was placed: its id, its text, the voice that speaks it."""

    id: int
    text: str
    voice_id: str


@dataclass(frozen=True)
class LineHeard:
    """What was heard of a line; `wer` is its word error rate, None where it has no words to compare."""

    id: int
    heard: str
    wer: float | None
    unclear: bool


@dataclass(frozen=True)
class Listening:
    """All lines of a dub as `engine` heard them; error rates are of all words, by voice and overall."""

    engine: str
    lines: tuple[LineHeard, ...]
    wer: float | None
    voices: Mapping[str, float]


def compared(engine: str, language: str, said: Iterable[Said], heard: Mapping[int, str]) -> Listening:
    """Compare what was `said` with what was `heard` of it, by id."""
    found = [(line, errors(line.text, heard.get(line.id, ""), language)) for line in said]
    by_voice: dict[str, list[Errors]] = defaultdict(list)
    for line, wrong in found:
        by_voice[line.voice_id].append(wrong)
    voices = {voice: rate for voice, rows in by_voice.items() if (rate := _together(rows).rate) is not None}
    lines = (
        LineHeard(line.id, heard.get(line.id, ""), wrong.rate, _stands_out(wrong, voices.get(line.voice_id, 0.0)))
        for line, wrong in found
    )
    return Listening(engine, tuple(lines), _together(wrong for _, wrong in found).rate, voices)


def _together(rows: Iterable[Errors]) -> Errors:
    wrong, words = zip((0, 0), *rows, strict=True)
    return Errors(sum(wrong), sum(words))


def _stands_out(found: Errors, usual: float) -> bool:
    return found.words >= LEAST_WORDS and (found.rate or 0.0) > usual + FAR_ABOVE
