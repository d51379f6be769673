"""What the planner promises, on lines made to break it."""

from itertools import combinations, pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.material.lines import lines_of
from shared.errors import PermanentError
from worker.timeline import Limits, Line, plan

TIGHT = 1e-6


def seconds(low, high):
    return st.floats(low, high, allow_nan=False).map(lambda value: round(value, 4))


@st.composite
def cases(draw, most=30, duration=(0.5, 120.0)):
    length = draw(seconds(*duration))
    drawn = draw(
        st.lists(st.tuples(seconds(-0.2, length * 1.05), seconds(0, length / 4), st.sampled_from("AB")), max_size=most)
    )
    return [Line(i, at, at + 1.0, who, natural) for i, (at, natural, who) in enumerate(drawn)], Limits(length)


def planned(lines, limits):
    try:
        return plan(lines, limits)
    except PermanentError:
        return assume(False)


@given(cases())
def test_whatever_comes_the_promises_are_kept(case):
    lines, limits = case
    made = planned(lines, limits)
    by_id = {line.id: line for line in lines}
    assert [p.id for p in made.placements] == [
        line.id for line in sorted(lines, key=lambda line: (line.start, line.id)) if line.natural > 0
    ]
    assert sorted(made.silent) == [line.id for line in lines if line.natural == 0]
    for one, following in pairwise(made.placements):
        assert following.start - one.end >= limits.guard - TIGHT
    for p in made.placements:
        line = by_id[p.id]
        assert p.start >= 0
        assert p.end <= limits.duration
        assert 1.0 <= p.speed <= 2.0
        assert p.seconds * p.speed == pytest.approx(line.natural)
        assert p.late == pytest.approx(p.start - line.start)
        assert p.start >= line.start - 0.5 - TIGHT or line.start >= limits.duration
        assert ("fast" in p.reasons) == (p.speed > 1.4 + 1e-9)
        assert ("late" in p.reasons) == (p.late > 0.3 + 1e-9)
        assert p.speed == 1.0 or p.speed >= 1.01


@given(cases())
def test_the_same_lines_in_any_order_make_the_same_plan(case):
    lines, limits = case
    assert planned(lines, limits) == planned(lines[::-1], limits)


@given(cases(most=6, duration=(1.0, 6.0)))
def test_over_the_limit_go_the_fewest_lines_and_none_fails_that_could_fit(case):
    """Against every possible set of fast lines."""
    lines, limits = case
    spoken = sorted((line for line in lines if line.natural > 0), key=lambda line: (line.start, line.id))
    fewest = next((n for n in range(len(spoken) + 1) if any(fits(spoken, s, limits) for s in sets(spoken, n))), None)
    if fewest is None:
        with pytest.raises(PermanentError, match="does not fit"):
            plan(lines, limits)
    else:
        assert sum("fast" in p.reasons for p in plan(lines, limits).placements) == fewest


def sets(spoken, size):
    return combinations([line.id for line in spoken], size)


def fits(spoken, fast, limits):
    free = 0.0
    for line in spoken:
        release = 0.0 if line.start >= limits.duration else max(0.0, line.start - limits.lead)
        end = max(free, release) + line.natural / (2.0 if line.id in fast else 1.4)
        free = end + limits.guard
    return not spoken or end <= limits.duration - 0.001 + 1e-9


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_fits_is_laid_on_its_onset(seed):
    lines, limits = lines_of("fits", seed)
    placements = plan(lines, limits).placements
    assert len(placements) == len(lines)
    assert max(abs(p.late) for p in placements) < 0.01
    assert max(p.speed for p in placements) <= 1.36
    assert not any(p.needs_review for p in placements)
    assert all(b.start >= a.end for a, b in pairwise(placements))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_cannot_fit_still_loses_nothing_and_ends_in_time(seed):
    lines, limits = lines_of("overfull", seed)
    placements = plan(lines, limits).placements
    assert sum(p.seconds * p.speed for p in placements) == pytest.approx(sum(line.natural for line in lines))
    assert all(b.start >= a.end for a, b in pairwise(placements))
    assert placements[-1].end <= limits.duration
    assert max(p.speed for p in placements) <= 1.4 + 1e-9


def line(number, start, natural):
    return Line(number, start, start + 1, "S1", natural)


def test_no_lines_make_an_empty_plan():
    assert plan([], Limits(10)).placements == ()


def test_a_line_with_nothing_to_say_is_skipped_and_named():
    made = plan([line(0, 1, 0.0), line(1, 2, 1.0)], Limits(10))
    assert [p.id for p in made.placements] == [1]
    assert made.silent == (0,)


def test_a_line_longer_than_the_file_at_twice_the_speed_is_refused_with_its_place():
    with pytest.raises(PermanentError, match="from 0:01 on does not fit") as refused:
        plan([line(0, 1, 30.0)], Limits(10))
    assert refused.value.code == "translation_too_long"


def test_lines_that_begin_together_are_laid_one_after_the_other():
    first, second = plan([line(0, 1, 1.4), line(1, 1, 1.0)], Limits(20)).placements
    assert (first.start, first.speed) == (1.0, 1.4)
    assert second.start == pytest.approx(2.05)
    assert second.reasons == ("late",)


def test_a_line_whose_onset_lies_after_the_end_is_laid_before_the_end():
    (only,) = plan([line(0, 12, 3.0)], Limits(10)).placements
    assert (only.speed, only.end) == (1.0, pytest.approx(9.999))
    assert "onset_after_end" in only.reasons


def test_at_the_end_a_line_speeds_up_within_the_limit_before_it_leads():
    (only,) = plan([line(0, 9.0, 1.3)], Limits(10)).placements
    assert (only.start, only.speed) == (9.0, pytest.approx(1.3 / 0.999))
    assert only.reasons == ()
    (leads,) = plan([line(0, 9.0, 1.8)], Limits(10)).placements
    assert (leads.speed, leads.end) == (1.4, pytest.approx(9.999))
    assert 8.5 < leads.start < 9.0


def test_then_those_before_it_lead_and_after_that_speed_up():
    leads, _ = plan([line(0, 5.4, 2.5), line(1, 8.0, 3.15)], Limits(10)).placements
    assert (leads.speed, leads.end) == (1.0, pytest.approx(9.999 - 2.25 - 0.05))
    fast, last = plan([line(0, 0.2, 2.8), line(1, 2.8, 3.49)], Limits(4.8)).placements
    assert (fast.start, last.speed) == (pytest.approx(0), 1.4)
    assert fast.speed == pytest.approx(2.8 / (4.799 - 3.49 / 1.4 - 0.05))


def test_only_then_a_line_goes_over_the_limit():
    *_, last = plan([line(0, 1.0, 3.0), line(1, 9.0, 2.7)], Limits(10)).placements
    assert last.speed == pytest.approx(2.7 / 1.499)
    assert last.reasons == ("early", "fast")
