"""The planner's problem once more, written down as it is read, for any solver: what the best plan is charged.

Starts, ratios and charges are variables; a charge lies above each straight piece of its cost. Every pair of lines has
a row, so it is for some hundred lines.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from math import inf

import numpy as np
from scipy.optimize import linprog

from worker.timeline import Limits, Line
from worker.timeline.costs import COSTS, Band, Costs

ROUNDING = 0.001
WITHIN_SPEED = 1.25

# Factors by variable, and what their sum may be at most.
Row = tuple[dict[str, float], float]


def charged(lines: Sequence[Line], course: Mapping[int, tuple[float, float]], costs: Costs = COSTS) -> float:
    """What a course (start and ratio by id) is charged; `lines` have speech and their onsets lie within the file."""
    total = 0.0
    for line in lines:
        start, ratio = course[line.id]
        total += max(slope * abs(start - max(0.0, line.start)) + base for slope, base in _pieces(costs.shift))
        total += max(slope * ratio + base for slope, base in _haste(line, costs))
    return total + sum(costs.jump * abs(course[a.id][1] - course[b.id][1]) for a, b in _neighbours(lines, costs))


def optimum(lines: Sequence[Line], limits: Limits, costs: Costs = COSTS) -> float:
    """The least that a plan of `lines` can be charged. Raises ValueError when no plan keeps to the ordinary speed."""
    spoken = sorted((line for line in lines if line.natural > 0), key=lambda line: (line.start, line.id))
    rows = [row for line in spoken for row in (*_charges(line, costs), *_bounds(line, limits))]
    rows += [({f"start {a.id}": 1, f"start {b.id}": -1}, 0.0) for a, b in pairwise(spoken)]
    rows += [_apart(a, b, limits) for a, b in combinations(spoken, 2) if not _over(a, b, spoken)]
    for a, b in _neighbours(spoken, costs):
        for sign in (costs.jump, -costs.jump):
            rows.append(({f"ratio {a.id}": sign, f"ratio {b.id}": -sign, f"cost jump {b.id}": -1}, 0.0))
    names = sorted({name for factors, _ in rows for name in factors})
    places = {name: place for place, name in enumerate(names)}
    matrix = np.zeros((len(rows), len(names)))
    for row, (factors, _) in enumerate(rows):
        matrix[row, [places[name] for name in factors]] = list(factors.values())
    objective = [float(name.startswith("cost")) for name in names]
    found = linprog(objective, matrix, [most for _, most in rows], bounds=(None, None), method="highs-ipm")
    if not found.success:
        raise ValueError(found.message)
    return float(found.fun)


def _charges(line: Line, costs: Costs) -> Iterator[Row]:
    start, ratio, onset = f"start {line.id}", f"ratio {line.id}", max(0.0, line.start)
    for slope, base in _pieces(costs.shift):
        yield {start: slope, f"cost shift {line.id}": -1}, slope * onset - base
        yield {start: -slope, f"cost shift {line.id}": -1}, -slope * onset - base
    for slope, base in _haste(line, costs):
        yield {ratio: slope, f"cost haste {line.id}": -1}, -base


def _bounds(line: Line, limits: Limits) -> Iterator[Row]:
    start, ratio = f"start {line.id}", f"ratio {line.id}"
    yield {start: -1}, -max(0.0, line.start - limits.lead)
    yield {start: 1, ratio: line.natural}, limits.duration - ROUNDING
    yield {ratio: -1}, -1 / limits.max_speed
    yield {ratio: 1}, min(1 / limits.slowest_speed, max(1.0, COSTS.filled * (line.end - line.start) / line.natural))


def _over(a: Line, b: Line, lines: Sequence[Line]) -> bool:
    """Whether a line between the two waits for the end of the first anyway."""
    between = lines[lines.index(a) + 1 : lines.index(b)]
    return any(line.speaker == a.speaker or a.end <= line.start for line in between)


def _apart(a: Line, b: Line, limits: Limits) -> Row:
    """Two voices sound together no longer than in the source; one speaker's lines never do."""
    shared = min(a.end, b.end) - b.start if a.speaker != b.speaker else 0.0
    if shared > 0 and b.end <= a.end and b.natural <= WITHIN_SPEED * shared:
        return {f"ratio {b.id}": b.natural}, shared
    waiting = {f"start {a.id}": 1.0, f"ratio {a.id}": a.natural, f"start {b.id}": -1.0}
    return waiting, shared if shared > 0 else -limits.guard


def _neighbours(lines: Sequence[Line], costs: Costs) -> list[tuple[Line, Line]]:
    spoken = sorted(lines, key=lambda line: (line.start, line.id))
    by_speaker = [[line for line in spoken if line.speaker == who] for who in {line.speaker for line in spoken}]
    return [(a, b) for own in by_speaker for a, b in pairwise(own) if b.start - a.end < costs.jump_within]


def _pieces(bands: Sequence[Band]) -> list[tuple[float, float]]:
    """(slope, base) of each straight piece of a cost that is 0 at and below 0."""
    pieces, below, cost = [(0.0, 0.0)], 0.0, 0.0
    for band in bands:
        pieces.append((band.cost, cost - band.cost * below))
        below, cost = band.until, cost + band.cost * (band.until - below) if band.until < inf else cost
    return pieces


def _haste(line: Line, costs: Costs) -> list[tuple[float, float]]:
    """(slope, base) over the ratio: what is charged for haste, and above 1 less for a better filled line."""
    saved = [Band(1 - 1 / band.until, band.cost) for band in costs.speed]
    fast = [(-slope, slope + base) for slope, base in _pieces(saved) if slope]
    room = costs.filled * (line.end - line.start) > line.natural
    return [*fast, (-costs.fill, costs.fill) if room else (0.0, 0.0)]
