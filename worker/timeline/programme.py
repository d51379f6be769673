"""The timeline as one linear programme: starts and ratios (placed ÷ natural) of the lines that cost least together.

Variables are deviations, each cut into bands of rising cost: a line's start is its target + late − early, its ratio is
1 − fast + slow. That leaves a row for each wait, and one for each pair of neighbours whose ratios should agree.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.memory import give_back
from worker.timeline.caps import beyond, end_of, release
from worker.timeline.costs import Band, Costs
from worker.timeline.lines import Limits, Line
from worker.timeline.order import Wait, neighbours, waits

Floats = NDArray[np.float64]
# Simplex grows faster than its programme: from so many lines on it is cut at the next gap that no plan crosses.
ENOUGH_LINES = 150


class Course(NamedTuple):
    """A start (seconds) and a ratio for each line."""

    starts: Floats
    ratios: Floats


class Piece(NamedTuple):
    """Lines `first` to `last` − 1, which must be over at `end` (seconds)."""

    first: int
    last: int
    end: float


def cheapest(lines: Sequence[Line], caps: Sequence[float], limits: Limits, costs: Costs) -> Course:
    """The course of the ordered `lines` that costs least, none faster than its cap. `caps` must leave one possible."""
    found = [
        _Programme(lines[first:last], caps[first:last], limits, costs).solved(end)
        for first, last, end in pieces(lines, limits, costs)
    ]
    give_back()  # of two hours of crowded talk the solver leaves 20 MB
    starts, ratios = zip(*found, strict=True) if found else ((), ())
    return Course(np.concatenate([np.zeros(0), *starts]), np.concatenate([np.zeros(0), *ratios]))


def pieces(lines: Sequence[Line], limits: Limits, costs: Costs, enough: int = ENOUGH_LINES) -> Iterator[Piece]:
    """The programme's pieces, each of at least `enough` lines, whose optima together are the whole one's.

    It is cut where all before a gap, unhurried and as long as it may wish to be, is over before the line behind the gap
    may begin: no start across it would gain by moving, and no ratio either when no neighbours lie across it and nobody
    who speaks before it in the source still does behind it.
    """
    linked = {k for one, other in neighbours(lines, costs.jump_within) for k in range(one + 1, other + 1)}
    first, free, heard = 0, 0.0, 0.0
    for k, (line, following) in enumerate(pairwise(lines), 1):
        free = max(free, _target(line, limits)) + line.natural * (1 + _slack(line, limits, costs)) + limits.guard
        heard = max(heard, line.end)
        gap_ends = release(following, limits)
        if k - first >= enough and max(free, heard) <= gap_ends and k not in linked:
            yield Piece(first, k, gap_ends - limits.guard)
            first = k
    if lines:
        yield Piece(first, len(lines), end_of(limits))


def _target(line: Line, limits: Limits) -> float:
    return max(0.0, end_of(limits) - line.natural if beyond(line, limits) else line.start)


def _slack(line: Line, limits: Limits, costs: Costs) -> float:
    """By how much of its natural length a line may be slowed down, to fill its time in the source."""
    wanted = costs.filled * (line.end - line.start) / line.natural
    return min(max(1.0, wanted), 1 / limits.slowest_speed) - 1.0


class _Programme:
    """One piece's variables, a block of columns for each band, and what they make of starts and ratios."""

    def __init__(self, lines: Sequence[Line], caps: Sequence[float], limits: Limits, costs: Costs) -> None:
        from scipy import sparse  # here, for it takes 40 MB and a third of a second, which only planning needs

        self._sparse = sparse
        self._lines = lines
        self._waits = waits(lines, limits)
        self._pairs = np.array(list(neighbours(lines, costs.jump_within)), int).reshape(-1, 2)
        self._targets = np.array([_target(line, limits) for line in lines])
        self._natural = np.array([line.natural for line in lines])
        self._costs: list[Floats] = []
        self._ranges: list[Floats] = []
        early = self._targets - [release(line, limits) for line in lines]
        slower = np.array([_slack(line, limits, costs) for line in lines])
        least = np.ones(len(lines))
        for wait in self._waits:
            least[wait.after] = max(least[wait.after], wait.speed)
        slower[least > 1] = 0.0
        saved = [Band(1 - 1 / band.until, band.cost) for band in costs.speed]
        signs = [
            *self._added(np.full(len(lines), inf), costs.shift, (1, 0)),
            *self._added(early, costs.shift, (-1, 0)),
            *self._added(1 - 1 / np.array(caps), saved, (0, -1), least=1 - 1 / least),
            *self._added(slower, [Band(inf, -costs.fill)], (0, 1)),
        ]
        for _ in range(2):  # how far neighbours' ratios are apart, either way
            self._added(np.full(len(self._pairs), inf), [Band(inf, costs.jump)], (0, 0))
        self._start, self._ratio = (self._blocks([sign[which] for sign in signs]) for which in (0, 1))

    def solved(self, end: float) -> Course:
        """The optimum. Raises RuntimeError when the solver finds none."""
        from scipy.optimize import linprog

        rows, bounds = self._waiting(end)
        ranges = np.concatenate(self._ranges)
        used = ranges[:, 1] > 0  # bands that a line has no room in would only cost memory, and so does a presolve
        result = linprog(
            np.concatenate(self._costs)[used],
            A_ub=rows[:, used],
            b_ub=bounds,
            A_eq=self._changes()[:, used] if len(self._pairs) else None,
            b_eq=np.zeros(len(self._pairs)) if len(self._pairs) else None,
            bounds=ranges[used],
            method="highs-ds",
            options={"presolve": False},
        )
        if not result.success:
            raise RuntimeError(f"the timeline's programme was not solved: {result.message}")
        chosen = np.zeros(len(ranges))
        chosen[used] = result.x
        return Course(self._targets + self._start @ chosen, 1.0 + self._ratio @ chosen)

    def _added(
        self, room: Floats, bands: Sequence[Band], signs: tuple[int, int], least: Floats | float = 0.0
    ) -> list[tuple[int, int]]:
        """Columns for a deviation from `least` to `room`, band by band; how each moves (start, ratio)."""
        edges = [0.0, *(band.until for band in bands)]
        for (below, until), band in zip(pairwise(edges), bands, strict=True):
            low, high = (np.clip(value - below, 0.0, until - below) for value in (least, room))
            self._ranges.append(np.stack(np.broadcast_arrays(low, high), 1))
            self._costs.append(np.full(len(room), band.cost))
        return [signs] * len(bands)

    def _blocks(self, signs: Sequence[int]) -> Any:
        one = self._sparse.eye_array(len(self._lines), format="csr")
        jumps = self._sparse.csr_array((len(self._lines), 2 * len(self._pairs)))
        return self._sparse.hstack([*(sign * one for sign in signs), jumps], format="csr")

    def _waiting(self, end: float) -> tuple[Any, Floats]:
        """Rows and their upper bounds: every wait, and the end for those after whom nobody waits."""
        over = self._start + self._sparse.diags_array(self._natural) @ self._ratio
        ends = self._targets + self._natural
        for_end, for_start = ([wait for wait in self._waits if (wait.gap is None) is start] for start in (False, True))
        before, after = _places(for_end)
        ahead, behind = _places(for_start)
        last = np.setdiff1d(np.arange(len(self._lines)), [wait.before for wait in for_end if (wait.gap or 0.0) >= 0])
        rows = [over[before] - self._start[after], self._start[ahead] - self._start[behind], over[last]]
        bounds = [
            self._targets[after] - ends[before] - np.array([wait.gap for wait in for_end], float),
            self._targets[behind] - self._targets[ahead],
            end - ends[last],
        ]
        return self._sparse.vstack(rows, format="csr"), np.concatenate(bounds)

    def _changes(self) -> Any:
        """Rows that say how far neighbours' ratios are apart."""
        one, other = self._pairs.T
        apart = self._sparse.eye_array(len(self._pairs), format="csr")
        bands = self._sparse.csr_array((len(self._pairs), self._start.shape[1] - 2 * len(self._pairs)))
        return self._ratio[one] - self._ratio[other] + self._sparse.hstack([bands, apart, -apart], format="csr")


def _places(kept: Sequence[Wait]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    before, after = np.array([(wait.before, wait.after) for wait in kept], int).reshape(-1, 2).T
    return before, after
