"""Where each line goes: a forward pass, and a pass back from the file's end when the forward pass runs over it.

Promises, in this order: no speech lost > no overlap > the file's end > speed ≤ 1.40 > drift. Lines keep their order;
speakers who talk over each other in the source are laid one after the other.
"""

import heapq
from collections.abc import Iterable, Sequence
from math import inf

from shared.errors import PermanentError
from worker.timeline.lines import DRIFT_TO_REVIEW, SLIGHTEST_SPEED, Limits, Line, Placement, Plan, Reason

# The last line stops this long before the end, so that rounding to samples (< 0.1 ms in all) never takes it past.
ROUNDING = 0.001
# Far below a sample, far above the error of adding up thousands of floats.
EPSILON = 1e-9


def plan(lines: Iterable[Line], limits: Limits) -> Plan:
    """Place every line that has speech; O(n log n).

    Raises PermanentError `translation_too_long` when the speech does not fit the file even at the emergency speed.
    """
    ordered = sorted(lines, key=lambda line: (line.start, line.id))
    spoken = [line for line in ordered if line.natural > 0]
    speeds = _forward_speeds(spoken, limits)
    wanted = _starts(spoken, speeds, limits, [max(0.0, line.start) for line in spoken])
    if spoken and wanted[-1] + spoken[-1].natural / speeds[-1] > _end(limits):
        speeds = _raised(spoken, speeds, _caps(spoken, limits), limits)
        wanted = _starts(spoken, speeds, limits, [max(0.0, line.start) for line in spoken])
    # Both bounds keep their lines apart, so their minimum does; it moves a line only where the end asks for it.
    starts = [max(0.0, min(pair)) for pair in zip(wanted, _latest(spoken, speeds, limits), strict=True)]
    placements = [_placed(*each, limits) for each in zip(spoken, starts, speeds, strict=True)]
    return Plan(tuple(placements), tuple(line.id for line in ordered if not line.natural > 0))


def _end(limits: Limits) -> float:
    return limits.duration - ROUNDING


def _beyond(line: Line, limits: Limits) -> bool:
    return line.start >= limits.duration


def _speed(natural: float, room: float, cap: float) -> float:
    """The least speed at which `natural` seconds fit into `room`, from 1 to `cap`."""
    if natural <= room + EPSILON:
        return 1.0
    return min(max(natural / room, SLIGHTEST_SPEED), cap) if room > 0 else cap


def _forward_speeds(lines: Sequence[Line], limits: Limits) -> list[float]:
    """Each line just fast enough to end before the next onset or the file's end, when it begins as soon as it may."""
    speeds, free = list[float](), 0.0
    stops = [min(line.start - limits.guard, _end(limits)) for line in lines[1:]]
    for line, stop in zip(lines, [*stops, _end(limits)], strict=False):
        start = max(line.start, free)
        room = inf if _beyond(line, limits) else stop - start
        speeds.append(_speed(line.natural, room, limits.max_speed))
        free = start + line.natural / speeds[-1] + limits.guard
    return speeds


def _starts(lines: Sequence[Line], speeds: Sequence[float], limits: Limits, not_before: Sequence[float]) -> list[float]:
    """The earliest starts when no line begins before its own `not_before` or before the one ahead of it is over."""
    starts, free = list[float](), 0.0
    for line, speed, earliest in zip(lines, speeds, not_before, strict=True):
        starts.append(max(earliest, free))
        free = starts[-1] + line.natural / speed + limits.guard
    return starts


def _latest(lines: Sequence[Line], speeds: Sequence[float], limits: Limits) -> list[float]:
    """The latest starts from which all that follows still ends with the file."""
    starts, stop = list[float](), _end(limits)
    for line, speed in zip(reversed(lines), reversed(speeds), strict=True):
        starts.append(stop - line.natural / speed)
        stop = starts[-1] - limits.guard
    return starts[::-1]


def _release(line: Line, limits: Limits) -> float:
    """The earliest a line may begin. With its onset after the file's end there is nothing to lead: any time will do."""
    return 0.0 if _beyond(line, limits) else max(0.0, line.start - limits.lead)


def _raised(lines: Sequence[Line], speeds: Sequence[float], caps: Sequence[float], limits: Limits) -> list[float]:
    """Speeds raised to their caps from the last line back, as far as it takes to end with the file.

    First of all every line may lead; where that is enough no speed changes.
    """
    raised, stop = list(speeds), _end(limits)
    earliest = _starts(lines, speeds, limits, [_release(line, limits) for line in lines])
    for k in reversed(range(len(lines))):
        room = stop - earliest[k]
        if lines[k].natural / raised[k] <= room + EPSILON:
            break
        raised[k] = _speed(lines[k].natural, room, caps[k])
        stop -= lines[k].natural / raised[k] + limits.guard
    return raised


def _caps(lines: Sequence[Line], limits: Limits) -> list[float]:
    """How fast each line may be: the ordinary limit, and more for the fewest lines without which the end is missed.

    For every k the lines from k on must fit between the release of k and the end. Going back from the last line, each
    such demand is met by the line behind it that can save most: as the demands are nested, that takes the fewest.
    """
    shortened, saved, tail = [0.0] * len(lines), 0.0, -limits.guard
    savings: list[tuple[float, int, float]] = []  # (rank, index, seconds it can still save)
    for k in reversed(range(len(lines))):
        line = lines[k]
        room = line.natural / limits.max_speed - line.natural / limits.emergency_speed
        heapq.heappush(savings, (-room, k, room))
        tail += line.natural / limits.max_speed + limits.guard
        missing = _release(line, limits) + tail - saved - _end(limits)
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


def _placed(line: Line, start: float, speed: float, limits: Limits) -> Placement:
    late = start - line.start
    found: list[tuple[bool, Reason]] = [
        (late > DRIFT_TO_REVIEW + EPSILON, "late"),
        (late < -DRIFT_TO_REVIEW - EPSILON, "early"),
        (speed > limits.max_speed + EPSILON, "fast"),
        (_beyond(line, limits), "onset_after_end"),
    ]
    return Placement(line.id, start, speed, line.natural / speed, late, tuple(code for holds, code in found if holds))
