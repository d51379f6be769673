"""A clock that runs slower where speech needs more room: piecewise linear, from the source's seconds to the dub's."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from worker.timeline.lines import DRIFT_TO_REVIEW, GUARD, Line, Placement, Plan

# A plan that is faster than this, or later than a person should look at, asks for a slower picture; and then for one
# on which nothing has to be faster than is comfortable.
HURRIED_SPEED = 1.25
COMFORTABLE_SPEED = 1.2
# Lines closer together than this (seconds) hurry each other.
PAUSE = 0.3
SLOWEST = 1.25
# A shorter stretch would be a jerk, and less than this is not worth one.
LEAST_RATIO = 1.01
LEAST_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Slow:
    """From `start` to `end` (seconds of the source) each second lasts `ratio` seconds."""

    start: float
    end: float
    ratio: float

    @property
    def added(self) -> float:
        """How much longer it lasts (seconds)."""
        return (self.end - self.start) * (self.ratio - 1)


@dataclass(frozen=True, slots=True)
class Warp:
    """The map of a source of `seconds`. `slows` are in order, without overlaps; all else lasts as long as it did."""

    seconds: float
    slows: tuple[Slow, ...] = ()

    @property
    def is_identity(self) -> bool:
        """Whether nothing is slowed."""
        return not self.slows

    @property
    def duration(self) -> float:
        """How long the whole lasts."""
        return self.seconds + sum(slow.added for slow in self.slows)

    def at(self, times: Iterable[float]) -> list[float]:
        """When the source's `times` (seconds) are; before the start and behind the end the clock runs as ever."""
        known, moved = self._points()
        return [
            float(time if time < 0 else np.interp(time, known, moved) + max(0.0, time - self.seconds)) for time in times
        ]

    def back(self, times: Iterable[float]) -> list[float]:
        """The source's times of `times`; the inverse of `at`."""
        known, moved = self._points()
        end = moved[-1]
        return [float(time if time < 0 else np.interp(time, moved, known) + max(0.0, time - end)) for time in times]

    def _points(self) -> tuple[list[float], list[float]]:
        known, moved, added = [0.0], [0.0], 0.0
        for slow in self.slows:
            for time, more in ((slow.start, 0.0), (slow.end, slow.added)):
                added += more
                known.append(time)
                moved.append(time + added)
        return [*known, self.seconds], [*moved, self.seconds + added]


def crowded(plan: Plan) -> frozenset[int]:
    """The lines that need more room: all of each run without a pause in which one is hurried or late."""
    runs: list[list[Placement]] = []
    for placed in sorted(plan.placements, key=lambda placed: placed.start):
        if runs and placed.start - runs[-1][-1].end < PAUSE:
            runs[-1].append(placed)
        else:
            runs.append([placed])
    return frozenset(placed.id for run in runs if any(map(_is_hurried, run)) for placed in run)


def warp(lines: Iterable[Line], seconds: float, needy: Container[int] | None = None) -> Warp:
    """The clock on which `lines` have room at a comfortable speed, as far as 1.25 times the time gives it.

    From a line's onset to the next, time is stretched by what the line, and what is left of those before it, need
    over what there is; only for the `needy` lines, by id, where those are named. O(n log n).
    """
    spoken = sorted((line for line in lines if line.natural > 0 and line.start < seconds), key=lambda line: line.start)
    return Warp(seconds, tuple(_slows(spoken, seconds, needy)))


def _is_hurried(placed: Placement) -> bool:
    return placed.speed > HURRIED_SPEED or abs(placed.late) > DRIFT_TO_REVIEW


def _slows(lines: Sequence[Line], seconds: float, needy: Container[int] | None) -> Iterator[Slow]:
    left = 0.0  # of earlier lines, to be said within this one's time
    starts = [*(max(0.0, line.start) for line in lines), seconds]
    for line, (start, end) in zip(lines, pairwise(starts), strict=True):
        need = left + line.natural / COMFORTABLE_SPEED + GUARD
        ratio = min(SLOWEST, need / (end - start)) if end - start >= LEAST_SECONDS else 1.0
        ratio = ratio if ratio >= LEAST_RATIO and (needy is None or line.id in needy) else 1.0
        left = max(0.0, need - ratio * (end - start))
        if ratio > 1.0:
            yield Slow(start, end, ratio)
