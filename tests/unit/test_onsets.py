"""Lines begin where the voice does; none is lost, none changes places."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from worker.onsets import SHORTEST, SNAP, on_voices
from worker.spans import Span, union


def test_a_line_moves_to_the_voice_that_begins_near_it():
    voiced = [Span(1.0, 2.0), Span(3.0, 4.0)]
    assert on_voices([Span(1.2, 1.9), Span(2.8, 4.3)], voiced) == voiced
    assert on_voices([Span(1.2, 1.9)], voiced, within=0.15) == [Span(1.2, 2.0)]
    assert on_voices([Span(7.0, 8.0)], voiced) == [Span(7.0, 8.0)]


def test_a_line_stays_where_the_voice_is_as_near_as_can_be_told():
    assert on_voices([Span(1.0, 2.0)], [Span(0.96, 2.03)]) == [Span(1.0, 2.0)]


spans = st.lists(st.tuples(st.floats(0, 60), st.floats(0.1, 5)).map(lambda pair: Span(pair[0], sum(pair))), max_size=12)


@given(spans, spans)
def test_order_and_gaps_are_kept(lines, voices):
    lines, voiced = sorted(lines), union(voices)
    moved = on_voices(lines, voiced)
    assert len(moved) == len(lines)
    for before, after in zip(lines, moved, strict=True):
        assert after.seconds >= min(before.seconds, SHORTEST)
        assert abs(after.start - before.start) <= SNAP + 1e-9
        assert abs(after.end - before.end) <= SNAP + 1e-9
    for (first, second), (left, right) in zip(pairwise(lines), pairwise(moved), strict=True):
        assert left.start <= right.start
        assert left.end <= right.start or first.end > second.start
