"""Where each line goes: the file's lines as one linear programme (programme.py), made into placements.

Promises, in this order: no speech lost > no overlap > the file's end > speed ≤ 1.40 > drift. Lines keep their order;
two speakers sound together no longer than they do in the source.
"""

from collections.abc import Iterable, Sequence

from worker.timeline.caps import EPSILON, beyond, caps
from worker.timeline.costs import COSTS, Costs
from worker.timeline.lines import DRIFT_TO_REVIEW, SLIGHTEST_SPEED, Limits, Line, Placement, Plan, Reason
from worker.timeline.order import waits
from worker.timeline.programme import Course, cheapest

# So little is the solver's rounding, not its wish.
ROUNDED = 1e-6


def plan(lines: Iterable[Line], limits: Limits, costs: Costs = COSTS) -> Plan:
    """Place every line that has speech.

    Raises PermanentError `translation_too_long` when the speech does not fit the file even at the emergency speed.
    """
    ordered = sorted(lines, key=lambda line: (line.start, line.id))
    spoken = [line for line in ordered if line.natural > 0]
    fastest = caps(spoken, limits)
    course = cheapest(spoken, fastest, limits, costs)
    speeds = [_speed(float(ratio), cap) for ratio, cap in zip(course.ratios, fastest, strict=True)]
    starts = _kept_apart(spoken, course, speeds, limits)
    placements = [_placed(*each, limits) for each in zip(spoken, starts, speeds, strict=True)]
    return Plan(tuple(placements), tuple(line.id for line in ordered if not line.natural > 0))


def _speed(ratio: float, cap: float) -> float:
    """The line's speed. What would hardly be stretched is not, or a little more: a line is never longer than wished."""
    speed = 1 / ratio
    if speed > 1 + ROUNDED:
        return min(max(speed, SLIGHTEST_SPEED), cap)
    return 1.0 if speed > 1 / SLIGHTEST_SPEED else speed


def _kept_apart(lines: Sequence[Line], course: Course, speeds: Sequence[float], limits: Limits) -> list[float]:
    """The starts, less what rounding made of the distance between lines."""
    starts = [max(0.0, float(start)) for start in course.starts]
    for before, after, gap, _ in waits(lines, limits):
        over = 0.0 if gap is None else lines[before].natural / speeds[before] + gap
        starts[after] = max(starts[after], starts[before] + over)
    return starts


def _placed(line: Line, start: float, speed: float, limits: Limits) -> Placement:
    late = start - line.start
    found: list[tuple[bool, Reason]] = [
        (late > DRIFT_TO_REVIEW + ROUNDED, "late"),
        (late < -DRIFT_TO_REVIEW - ROUNDED, "early"),
        (speed > limits.max_speed + EPSILON, "fast"),
        (beyond(line, limits), "onset_after_end"),
    ]
    return Placement(line.id, start, speed, line.natural / speed, late, tuple(code for holds, code in found if holds))
