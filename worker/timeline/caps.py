"""How fast each line may be, so that the file's end is met: beyond the ordinary limit only the fewest lines."""

import heapq
from collections.abc import Sequence
from math import inf

from shared.errors import PermanentError
from worker.timeline.lines import Limits, Line
from worker.timeline.order import waits

# The last line stops this long before the end, so that rounding to samples (< 0.1 ms in all) never takes it past.
ROUNDING = 0.001
# Far below a sample, far above the error of adding up thousands of floats.
EPSILON = 1e-9


def end_of(limits: Limits) -> float:
    """When the last line must be over, in seconds."""
    return limits.duration - ROUNDING


def beyond(line: Line, limits: Limits) -> bool:
    """Whether the line's onset lies after the file's end."""
    return line.start >= limits.duration


def release(line: Line, limits: Limits) -> float:
    """The earliest a line may begin. With its onset after the file's end there is nothing to lead: any time will do."""
    return 0.0 if beyond(line, limits) else max(0.0, line.start - limits.lead)


def caps(lines: Sequence[Line], limits: Limits) -> list[float]:
    """How fast each of the ordered lines may be: the ordinary limit, and more where the file's end can't be met so.

    Raises PermanentError `translation_too_long` when no speeds do.
    """
    if _in_time(lines, limits, limits.max_speed):
        return [limits.max_speed] * len(lines)
    try:
        return _fewest(lines, limits)
    except PermanentError:
        if _in_time(lines, limits, limits.emergency_speed):  # only because voices may sound together
            return [limits.emergency_speed] * len(lines)
        raise


def _in_time(lines: Sequence[Line], limits: Limits, speed: float) -> bool:
    """Whether all is over at the file's end when every line is that fast and begins as early as it may."""
    starts = [release(line, limits) for line in lines]
    for before, after, gap, _ in waits(lines, limits):
        over = 0.0 if gap is None else lines[before].natural / speed + gap
        starts[after] = max(starts[after], starts[before] + over)
    end = end_of(limits) + EPSILON
    return all(start + line.natural / speed <= end for start, line in zip(starts, lines, strict=True))


def _fewest(lines: Sequence[Line], limits: Limits) -> list[float]:
    """How fast each line may be so that the fewest are over the ordinary limit, no two of them sounding together.

    For every k the lines from k on, one after another, must fit between the release of k and the end. Going back from
    the last line, each such demand is met by the line behind it that can save most: as the demands are nested, that
    takes the fewest. Raises PermanentError `translation_too_long` when no speeds do.
    """
    shortened, saved, tail = [0.0] * len(lines), 0.0, -limits.guard
    savings: list[tuple[float, int, float]] = []  # (rank, index, seconds it can still save)
    for k in reversed(range(len(lines))):
        line = lines[k]
        room = line.natural / limits.max_speed - line.natural / limits.emergency_speed
        heapq.heappush(savings, (-room, k, room))
        tail += line.natural / limits.max_speed + limits.guard
        missing = release(line, limits) + tail - saved - end_of(limits)
        while missing > EPSILON:
            if not savings:
                raise _too_long(line, limits)
            _, chosen, room = heapq.heappop(savings)
            taken = min(room, missing)
            shortened[chosen], saved, missing = shortened[chosen] + taken, saved + taken, missing - taken
            if taken < room:  # it is fast already: the next demand uses up the rest of it first
                heapq.heappush(savings, (-inf, chosen, room - taken))
    return [_cap(line.natural, less, limits) for line, less in zip(lines, shortened, strict=True)]


def _cap(natural: float, shortened: float, limits: Limits) -> float:
    if not shortened:
        return limits.max_speed
    return min(limits.emergency_speed, natural / (natural / limits.max_speed - shortened))


def _too_long(line: Line, limits: Limits) -> PermanentError:
    minutes, seconds = divmod(int(max(0.0, line.start)), 60)
    return PermanentError(
        "translation_too_long",
        f"The translated speech from {minutes}:{seconds:02} on does not fit before the end of the file, "
        f"even at {limits.emergency_speed:g} times the voice's own speed. Shorten those lines, or use a faster voice.",
    )
