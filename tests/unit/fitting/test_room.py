"""How long each line may take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dubbing.transcript import Segment
from worker.fitting.room import LEAST, is_over, rooms
from worker.timeline.lines import GUARD


def lines(*times: tuple[float, float]) -> list[Segment]:
    return [Segment(number, start, end, "S1", "text") for number, (start, end) in enumerate(times)]


def test_a_line_has_the_time_to_the_next_onset_and_the_last_to_the_end():
    assert rooms(lines((0, 2), (3, 4)), 10) == {0: pytest.approx(3 - GUARD), 1: pytest.approx(7)}


def test_where_two_talk_at_once_each_has_its_own_length():
    assert rooms(lines((0, 4), (1, 3)), 10)[0] == pytest.approx(4)


def test_a_line_after_the_end_has_its_own_length():
    assert rooms(lines((12, 14)), 10) == {0: pytest.approx(2)}


def test_nothing_is_said_in_no_time():
    assert rooms(lines((0, 0.2), (0.2, 3)), 10)[0] == LEAST


def test_no_lines_have_no_rooms():
    assert rooms([], 10) == {}


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 12)), max_size=20))
def test_every_line_has_room(times):
    found = rooms(lines(*((start, start + length) for start, length in times)), 100)
    assert set(found) == set(range(len(times)))
    assert all(room >= LEAST for room in found.values())


def test_a_quarter_faster_is_still_well():
    assert not is_over(2.5, 2.0)
    assert is_over(2.51, 2.0)
