"""The slower clock: where it runs how, and that it can be run back."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.timeline import Limits, Line, Placement, Plan, crowded, plan, warp
from worker.timeline.warp import COMFORTABLE_SPEED, SLOWEST

SECONDS = 60.0


@st.composite
def spoken(draw: st.DrawFn) -> list[Line]:
    starts = sorted(draw(st.lists(st.floats(0, SECONDS - 0.01), max_size=15)))
    return [Line(n, start, start + 1, "S1", draw(st.floats(0, 8))) for n, start in enumerate(starts)]


@given(spoken(), st.lists(st.floats(-5, 80), min_size=2, max_size=20))
def test_it_never_runs_faster_nor_more_than_a_quarter_slower_nor_back(lines: list[Line], times: list[float]) -> None:
    clock = warp(lines, SECONDS)
    for before, after in pairwise(sorted(times)):
        moved, later = clock.at([before, after])
        assert after - before - 1e-9 <= later - moved <= SLOWEST * (after - before) + 1e-9
    assert clock.back(clock.at(times)) == pytest.approx(times, abs=1e-6)
    assert clock.at([0.0, SECONDS]) == pytest.approx([0.0, clock.duration])
    assert SECONDS <= clock.duration <= SLOWEST * SECONDS


@given(spoken())
def test_only_what_needs_room_is_slowed(lines: list[Line]) -> None:
    clock = warp(lines, SECONDS)
    need = sum(line.natural / COMFORTABLE_SPEED + 0.05 for line in lines)
    assert sum((slow.end - slow.start) * slow.ratio for slow in clock.slows) <= need + 1e-6
    assert all(before.end <= after.start for before, after in pairwise(clock.slows))


def test_a_line_with_room_changes_nothing() -> None:
    assert warp([Line(0, 1.0, 3.0, "S1", 2.2), Line(1, 4.0, 5.0, "S1", 1.0)], 10.0).is_identity


def test_a_crowded_line_gets_what_it_needs_at_a_comfortable_speed() -> None:
    lines = [Line(0, 1.0, 3.0, "S1", 2.5), Line(1, 3.0, 4.0, "S1", 1.0)]
    clock = warp(lines, 10.0)
    (slow,) = clock.slows
    assert (slow.start, slow.end) == (1.0, 3.0)
    assert slow.ratio == pytest.approx((2.5 / COMFORTABLE_SPEED + 0.05) / 2)
    starts = clock.at(line.start for line in lines)
    moved = [Line(line.id, start, start + 1, "S1", line.natural) for line, start in zip(lines, starts, strict=True)]
    assert plan(moved, Limits(duration=clock.duration)).placements[0].speed <= COMFORTABLE_SPEED + 0.01


def test_what_a_quarter_does_not_hold_is_said_in_the_next_line_s_time() -> None:
    lines = [Line(0, 0.0, 2.0, "S1", 4.0), Line(1, 2.0, 4.0, "S1", 2.0), Line(2, 4.0, 5.0, "S1", 1.0)]
    first, second = warp(lines, 20.0).slows[:2]
    assert first.ratio == SLOWEST
    assert second.start == 2.0


def test_only_runs_of_lines_in_which_one_is_hurried_are_crowded() -> None:
    def at(number: int, start: float, speed: float = 1.0, late: float = 0.0) -> Placement:
        return Placement(number, start, speed, 1.0, late)

    placed = (at(0, 0.0), at(1, 1.1, late=0.1), at(2, 5.0), at(3, 6.1, late=0.5), at(4, 9.0, speed=1.3), at(5, 20.0))
    assert crowded(Plan(placed)) == {2, 3, 4}
    lines = [Line(number, 4.0 * number, 4.0 * number + 1, "S1", 5.0) for number in range(3)]
    assert [slow.start for slow in warp(lines, 12.0, {1}).slows] == [4.0]
