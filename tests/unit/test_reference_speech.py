"""Which speech a clone is made from."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.dubbing.transcript import Segment
from worker.reference_speech import LEAST, MOST, POOR, Candidate, chosen, lines_alone, score

RATE = 16_000
candidates = st.lists(
    st.builds(
        lambda start, seconds, score: Candidate(start, start + seconds, score),
        st.floats(0, 1000),
        st.floats(1, 12),
        st.floats(-20, 30),
    ),
    max_size=30,
    unique_by=lambda one: one.start,
)


@given(candidates)
def test_the_cleanest_ten_to_sixty_seconds_or_none(there: list[Candidate]) -> None:
    taken = chosen(there)
    seconds = sum(one.seconds for one in taken)
    assert not taken or LEAST <= seconds <= MOST
    assert taken == sorted(taken, key=lambda one: one.start)
    assert taken or sum(one.seconds for one in there) < MOST
    left = [one for one in there if one not in taken]
    for one in left:
        better = [other for other in taken if other.score >= one.score]
        enough = sum(other.seconds for other in better) + one.seconds > MOST
        assert not taken or enough or one.score < POOR


def talk(bed: float, level: float = 0.3) -> np.ndarray:
    """Half a second of tone, a gap, and so on, over noise."""
    random, axis = np.random.default_rng(1), np.arange(6 * RATE) / RATE
    voice = level * np.sin(2 * np.pi * 200 * axis) * (axis % 1 < 0.7)
    return (voice + bed * random.standard_normal(len(axis))).astype(np.float32)


def test_a_bed_faintness_and_clipping_all_cost() -> None:
    clean = score(talk(0.001), RATE)
    assert clean > score(talk(0.02), RATE) > score(talk(0.1), RATE)
    assert clean > score(talk(0.0001, 0.001), RATE)
    assert clean > score(np.clip(talk(0.001, 3.0), -1, 1), RATE)
    assert score(np.zeros(0, np.float32), RATE) == -np.inf


def test_only_lines_that_nobody_else_speaks_in() -> None:
    segments = [
        Segment(0, 0.0, 2.0, "A", "one"),
        Segment(1, 1.5, 3.0, "B", "over it"),
        Segment(2, 4.0, 6.0, "A", "alone"),
        Segment(3, 7.0, 7.5, "A", "short"),
    ]
    assert [line.id for line in lines_alone(segments, "A")] == [2]
    assert lines_alone(segments, "nobody") == []
