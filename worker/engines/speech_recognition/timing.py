"""Times of words: from a piece's own to the file's, and those that are missing. Pure."""

from collections.abc import Iterable, Sequence

from shared.dubbing.transcript import Word
from worker.engines.protocols import Piece

Times = tuple[float, float]
_SHORTEST = 0.01  # seconds: one frame


def in_file(words: Iterable[Word], piece: Piece) -> tuple[Word, ...]:
    """`words` of a piece, which are in order of start, with their times in the file and within the piece."""
    end = piece.sound.seconds
    return tuple(
        Word(
            word.text,
            round(piece.start + min(end, max(0.0, word.start)), 3),
            round(piece.start + min(end, max(0.0, word.end, word.start)), 3),
            word.confidence,
        )
        for word in words
    )


def between(times: Sequence[Times | None], seconds: float) -> list[Times]:
    """`times` with the missing ones spread evenly over the gap they stand in, all within 0 to `seconds`, in order."""
    filled: list[Times] = []
    for index, time in enumerate(times):
        before = filled[-1][1] if filled else 0.0
        filled.append(time or _share(before, times[index:], seconds))
    return [_within(time, seconds) for time in filled]


def _share(start: float, rest: Sequence[Times | None], seconds: float) -> Times:
    """The first missing one's part of the gap that begins at `start`."""
    run, until = next(((n, time[0]) for n, time in enumerate(rest) if time), (len(rest), seconds))
    return start, start + max(0.0, until - start) / run


def _within(time: Times, seconds: float) -> Times:
    start = min(time[0], max(0.0, seconds - _SHORTEST))
    return round(start, 3), round(min(seconds, max(time[1], start)), 3)
