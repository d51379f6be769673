"""Lines moved to where the voice truly begins and ends, not where a recogniser or a subtitler guessed. Pure."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from worker.spans import Span

SNAP = 0.5  # seconds that a line's times may be off
UNSURE = 0.05  # seconds that voice activity itself may be off: it judges 32 ms at once, and over a bed it hears less
SHORTEST = 0.05  # seconds; no line is shorter


def on_voices(lines: Sequence[Span], voiced: Sequence[Span], within: float = SNAP) -> list[Span]:
    """`lines` (in order) with starts and ends moved to those of `voiced` that are nearest, within `within` seconds.

    What is as near as voice activity can tell stays. Order is kept, and lines that did not overlap still do not.
    """
    return _without_conflicts(lines, [_moved(line, voiced, within) for line in lines])


def snap_onset(time: float, spans: Sequence[Span], within: float = SNAP) -> float:
    """The onset of the voice that begins closest to `time`, if UNSURE to `within` seconds from it; else `time`."""
    return _nearest(time, (span.start for span in spans), within)


def snap_offset(time: float, spans: Sequence[Span], within: float = SNAP) -> float:
    """The end of the voice that ends closest to `time`, if UNSURE to `within` seconds from it; else `time`."""
    return _nearest(time, (span.end for span in spans), within)


def _nearest(time: float, candidates: Iterable[float], within: float) -> float:
    best = min(candidates, key=lambda candidate: abs(candidate - time), default=time)
    return best if UNSURE < abs(best - time) <= within else time


def _moved(line: Span, voiced: Sequence[Span], within: float) -> Span:
    moved = Span(snap_onset(line.start, voiced, within), snap_offset(line.end, voiced, within))
    return moved if moved.seconds >= SHORTEST else line


def _without_conflicts(original: Sequence[Span], moved: list[Span]) -> list[Span]:
    """`moved`, but neighbours that now overlap or change places, and did not before, go back where they were."""
    while wrong := [
        index
        for index, ((first, second), (left, right)) in enumerate(zip(pairwise(original), pairwise(moved), strict=True))
        if right < left or (first.end <= second.start and left.end > right.start)
    ]:
        for index in wrong:
            moved[index : index + 2] = original[index : index + 2]
    return moved
