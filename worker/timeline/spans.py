"""Arithmetic of time spans, (start, end) in seconds."""

from collections.abc import Iterable, Sequence

Span = tuple[float, float]


def merged(spans: Iterable[Span], gap: float = 0.0) -> tuple[Span, ...]:
    """The union in order of start, joined where the silence between two is shorter than `gap` or there is none."""
    joined: list[Span] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if joined and (start <= joined[-1][1] or start - joined[-1][1] < gap):
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)


def total(spans: Iterable[Span]) -> float:
    """Seconds covered by spans that do not overlap."""
    return sum(end - start for start, end in spans)


def intersection(one: Sequence[Span], other: Sequence[Span]) -> float:
    """Seconds covered by both; each is in order and without overlap, as `merged` returns them."""
    shared, i, j = 0.0, 0, 0
    while i < len(one) and j < len(other):
        shared += max(0.0, min(one[i][1], other[j][1]) - max(one[i][0], other[j][0]))
        if one[i][1] <= other[j][1]:
            i += 1
        else:
            j += 1
    return shared
