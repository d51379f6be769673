"""Spans: union and intersection agree with what sampling says."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from worker.spans import Span, intersection, outside, total, union

SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 10)).map(lambda pair: Span(pair[0], pair[0] + pair[1])), max_size=12
)


def covered(spans: list[Span]) -> set[int]:
    return {unit for span in spans for unit in range(int(span.start), int(span.end))}


@given(SPANS, st.integers(0, 3))
def test_union(spans: list[Span], gap: int) -> None:
    merged = union(spans, gap)
    assert covered(union(spans)) == covered(spans)
    assert total(union(spans)) == len(covered(spans))
    assert all(right.start - left.end > gap for left, right in pairwise(merged))


@given(SPANS, SPANS)
def test_intersection(left: list[Span], right: list[Span]) -> None:
    assert covered(intersection(union(left), union(right))) == covered(left) & covered(right)


@given(SPANS, SPANS)
def test_outside(spans: list[Span], covering: list[Span]) -> None:
    left = outside(spans, union(covering))
    assert covered(left) == covered(spans) - covered(covering)
    assert all(one.end <= following.start for one, following in pairwise(left))
