"""Stretches of time, and their union and intersection. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """From `start` to `end`, in seconds from the start of the file."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


def union(spans: Iterable[tuple[float, float]], gap: float = 0.0) -> list[Span]:
    """All that any of `spans` covers, in order; spans no more than `gap` seconds apart become one, empty ones go."""
    merged: list[Span] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if merged and start - merged[-1].end <= gap:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, end))
        else:
            merged.append(Span(start, end))
    return merged


def intersection(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    """All that both cover. Each of the two is in order and without overlaps, as `union` makes it."""
    common, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        start, end = max(left[i].start, right[j].start), min(left[i].end, right[j].end)
        if start < end:
            common.append(Span(start, end))
        if left[i].end <= right[j].end:
            i += 1
        else:
            j += 1
    return common


def outside(spans: Iterable[tuple[float, float]], covered: Sequence[Span]) -> list[Span]:
    """What `spans` cover and `covered` (in order, without overlaps) does not."""
    left, edges = union(spans), [span for span in covered if span.seconds > 0]
    starts = [float("-inf"), *(span.end for span in edges)]
    ends = [*(span.start for span in edges), float("inf")]
    return intersection(left, [Span(start, end) for start, end in zip(starts, ends, strict=True)])


def total(spans: Iterable[Span]) -> float:
    """Seconds covered by spans without overlaps."""
    return sum(span.seconds for span in spans)
