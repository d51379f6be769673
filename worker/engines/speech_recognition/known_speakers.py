"""The speakers of a pass: who was heard in one piece is pointed out, with a sample, when the others are asked for."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from worker.engines.protocols import Piece, Sound
from worker.engines.sdk.sound_file import data_url
from worker.engines.speech_recognition.turns import Turn

MOST = 4  # speakers that may be pointed out
SHORTEST, LONGEST = 2.0, 10.0  # seconds of a sample


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """Names (`0:A`) and samples (data URLs) of speakers, one each."""

    names: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names as they are sent: letters and digits only."""
        return tuple(f"p{name.replace(':', '')}" for name in self.names)


class KnownSpeakers:
    """Who is known so far in one pass over a file. For several threads."""

    def __init__(self) -> None:
        self.acquaintance = Acquaintance()
        self._lock = threading.Lock()

    def named(self, turns: Sequence[Turn], piece: Piece, pointed_out: Acquaintance) -> list[Turn]:
        """`turns` (times within the piece) under names that mean the same person in every piece that has them.

        A speaker who was pointed out keeps the name; another's begins with the number of the piece. The first piece's
        are learned.
        """
        known = dict(zip(pointed_out.aliases, pointed_out.names, strict=True))
        named = [turn._replace(speaker=known.get(turn.speaker, f"{piece.index}:{turn.speaker}")) for turn in turns]
        with self._lock:
            if not self.acquaintance.names:
                self.acquaintance = acquainted(named, piece.sound)
        return named


def acquainted(turns: Iterable[Turn], sound: Sound) -> Acquaintance:
    """A sample of each speaker's longest turn, of those who speak the longest; none of one who is never heard long."""
    longest: dict[str, Turn] = {}
    for turn in turns:
        if turn.end - turn.start > _length(longest.get(turn.speaker)):
            longest[turn.speaker] = turn
    fit = [turn for turn in sorted(longest.values(), key=_length, reverse=True) if _length(turn) >= SHORTEST][:MOST]
    return Acquaintance(tuple(turn.speaker for turn in fit), tuple(data_url(_sample(turn, sound)) for turn in fit))


def _length(turn: Turn | None) -> float:
    return turn.end - turn.start if turn else 0.0


def _sample(turn: Turn, sound: Sound) -> Sound:
    """The middle of the turn: its edges may be another's."""
    middle, half = (turn.start + turn.end) / 2, min(_length(turn), LONGEST) / 2
    return Sound(sound.samples[round((middle - half) * sound.rate) : round((middle + half) * sound.rate)], sound.rate)
