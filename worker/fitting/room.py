"""How long each line may take: from its onset to the next, or to the file's end. Pure; seconds."""

from collections.abc import Sequence

from shared.dubbing.transcript import Segment
from worker.timeline.lines import GUARD

# A line may be this much longer than its room: faster than this a listener notices.
SPEED = 1.25
# Nothing that means anything is said in less.
LEAST = 0.8


def rooms(lines: Sequence[Segment], duration: float) -> dict[int, float]:
    """The room of each line by its id, in a file of `duration`.

    Where the next speaker begins before a line is over, its own length counts, for there it fitted once; so it does
    where the line begins after the file's end.
    """
    ordered = sorted(lines, key=lambda line: (line.start, line.id))
    ends = [min(duration, line.start - GUARD) for line in ordered[1:]] + [duration] * bool(ordered)
    return {
        line.id: max(LEAST, end - line.start, line.end - line.start) for line, end in zip(ordered, ends, strict=True)
    }


def is_over(needed: float, room: float) -> bool:
    """Whether speech of `needed` seconds is too long for `room`."""
    return needed > SPEED * room
