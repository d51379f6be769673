"""What the planner promises, on lines made to break it."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.material.lines import lines_of
from shared.errors import PermanentError
from worker.measures import measure
from worker.timeline import Limits, Line, plan

TIGHT = 1e-6


def seconds(low, high):
    return st.floats(low, high, allow_nan=False).map(lambda value: round(value, 4))


@st.composite
def cases(draw, most=30, duration=(0.5, 120.0)):
    length = draw(seconds(*duration))
    onset, natural, source = seconds(-0.2, length * 1.05), seconds(0, length / 4), seconds(0, length / 4)
    drawn = draw(st.lists(st.tuples(onset, natural, source, st.sampled_from("AB")), max_size=most))
    lines = [Line(i, at, round(at + long, 4), who, natural) for i, (at, natural, long, who) in enumerate(drawn)]
    return lines, Limits(length)


def planned(lines, limits):
    try:
        return plan(lines, limits)
    except PermanentError:
        return assume(False)


def shared(a_start, a_end, b_start, b_end):
    return max(0.0, min(a_end, b_end) - max(a_start, b_start))


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
        assert following.start >= one.start - TIGHT
    for p in made.placements:
        line = by_id[p.id]
        assert p.start >= 0
        assert p.end <= limits.duration
        assert limits.slowest_speed - TIGHT <= p.speed <= limits.emergency_speed
        assert p.speed >= 1 or p.seconds <= line.end - line.start + TIGHT
        assert p.seconds * p.speed == pytest.approx(line.natural)
        assert p.late == pytest.approx(p.start - line.start)
        assert p.start >= line.start - 0.5 - TIGHT or line.start >= limits.duration
        assert ("fast" in p.reasons) == (p.speed > 1.4 + 1e-9)
        assert ("late" in p.reasons) == (p.late > 0.3 + TIGHT)
        assert p.speed == 1.0 or abs(p.speed - 1) > 0.009


@given(cases(most=12, duration=(5.0, 60.0)))
def test_two_voices_sound_together_no_longer_than_in_the_source_and_one_voice_never(case):
    lines, limits = case
    by_id = {line.id: line for line in lines}
    for one, other in combinations(planned(lines, limits).placements, 2):
        a, b = by_id[one.id], by_id[other.id]
        together = shared(one.start, one.end, other.start, other.end)
        if a.speaker == b.speaker:
            assert one.end <= other.start - limits.guard + TIGHT
        else:
            assert together <= shared(a.start, a.end, b.start, b.end) + TIGHT


@given(cases())
def test_the_same_lines_in_any_order_make_the_same_plan(case):
    lines, limits = case
    assert planned(lines, limits) == planned(lines[::-1], limits)


@given(cases(most=6, duration=(1.0, 6.0)))
def test_over_the_limit_go_the_fewest_lines_and_none_fails_that_could_fit(case):
    """Against every possible set of fast lines, laid one after the other."""
    lines, limits = case
    lines = [Line(line.id, line.start, line.start, line.speaker, line.natural) for line in lines]
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


def over_350_ms(lines, limits):
    return sum(abs(p.late) > 0.35 + TIGHT for p in plan(lines, limits).placements)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_fits_meets_every_goal_at_once(seed):
    lines, limits = lines_of("fits", seed)
    found = measure(lines, plan(lines, limits))
    assert found.onset_drift.median <= 0.06 + TIGHT
    assert found.onset_drift.p95 <= 0.35
    assert found.speed.p95 <= 1.25
    assert found.speed.max <= 1.40
    assert (found.speech_lost, found.overlap_within_speaker, found.overlap_between_speakers) == (0, 0, 0)
    assert found.needs_review == 0


@pytest.mark.parametrize(("seed", "best"), [(1, 27), (2, 39), (3, 46)])
def test_what_cannot_fit_still_loses_nothing_and_ends_in_time(seed, best):
    lines, limits = lines_of("overfull", seed)
    made = plan(lines, limits)
    found = measure(lines, made)
    assert (found.speech_lost, found.overlap_within_speaker, found.overlap_between_speakers) == (0, 0, 0)
    assert made.placements[-1].end <= limits.duration
    assert found.speed.max <= 1.4 + 1e-9
    assert over_350_ms(lines, limits) <= 1.10 * best


def test_much_talk_is_planned_as_well_as_little():
    """Cut into pieces, a long file is planned as if each part of it were a file."""
    lines, limits = lines_of("fits", 4, minutes=60)
    found = measure(lines, plan(lines, limits))
    assert found.onset_drift.p95 <= 0.35
    assert found.speed.p95 <= 1.25


def line(number, start, natural, seconds=1.0, speaker="S1"):
    return Line(number, start, start + seconds, speaker, natural)


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


def test_a_line_that_has_room_is_laid_on_its_onset_as_the_voice_says_it():
    (only,) = plan([line(0, 1, 1.4)], Limits(20)).placements
    assert (only.start, only.speed, only.reasons) == (1.0, 1.0, ())


def test_lines_of_one_speaker_that_begin_together_are_laid_one_after_the_other():
    first, second = plan([line(0, 1, 1.4), line(1, 1, 1.0)], Limits(20)).placements
    assert second.start == pytest.approx(first.end + 0.05)
    assert first.start < 1.0  # the first leads a little, the second is a little late: both less than one would be
    assert second.reasons == ("late",)


def test_a_short_line_is_slowed_down_to_fill_its_time_but_not_below_the_limit():
    slowed, slowest = plan([line(0, 1, 1.6, 2.0), line(1, 8, 0.5, 2.0)], Limits(20)).placements
    assert slowed.seconds == pytest.approx(1.8)
    assert slowest.speed == pytest.approx(0.85)


def test_who_interrupts_is_heard_where_the_other_still_speaks():
    talk = [line(0, 1, 4.0, 4.0, "S1"), line(1, 2.5, 0.6, 0.5, "S2"), line(2, 5.2, 1.0, 1.0, "S1")]
    long, within, after = plan(talk, Limits(20)).placements
    assert (long.start, within.start, after.start) == (1.0, 2.5, 5.2)
    assert (long.speed, after.speed) == (1.0, 1.0)
    assert within.seconds <= 0.5 + TIGHT


def test_who_falls_in_at_the_end_of_another_may_do_so_in_the_dub():
    first, second = plan([line(0, 1, 2.0, 2.0, "S1"), line(1, 2.6, 1.0, 1.0, "S2")], Limits(20)).placements
    assert (first.start, second.start, first.speed) == (1.0, 2.6, 1.0)
    late, waiting = plan([line(0, 1, 3.2, 2.0, "S1"), line(1, 2.6, 1.0, 1.0, "S2")], Limits(20)).placements
    assert late.end - waiting.start == pytest.approx(0.4)


def test_two_who_speak_at_once_up_to_the_end_need_not_hurry():
    together = [line(0, 0, 10.0, 10.0, "S1"), line(1, 0, 10.0, 10.0, "S2")]
    assert [p.speed for p in plan(together, Limits(10.001)).placements] == [1.0, 1.0]
    falling_in = [line(0, 6, 4.0, 4.0, "S1"), line(1, 7, 3.0, 3.0, "S2")]
    assert [p.speed for p in plan(falling_in, Limits(10.001)).placements] == [1.0, 1.0]


def test_two_who_speak_at_once_are_not_refused_for_what_one_after_the_other_would_take():
    together = [line(0, 0, 16.0, 10.0, "S1"), line(1, 0, 12.0, 10.0, "S2")]
    first, second = plan(together, Limits(10.001)).placements
    assert first.end <= 10.001
    assert second.end <= 10.001
    assert 1.4 < first.speed == pytest.approx(1.6)
    assert second.speed <= 1.4


def test_a_line_whose_onset_lies_after_the_end_is_laid_before_the_end():
    (only,) = plan([line(0, 12, 3.0)], Limits(10)).placements
    assert (only.speed, only.end) == (1.0, pytest.approx(9.999))
    assert "onset_after_end" in only.reasons


def test_at_the_end_a_line_leads_and_hurries_within_the_limit():
    (only,) = plan([line(0, 9.0, 1.8)], Limits(10)).placements
    assert 1.25 <= only.speed <= 1.4
    assert only.end == pytest.approx(9.999)
    assert 8.5 < only.start < 9.0


def test_only_then_a_line_goes_over_the_limit():
    *_, last = plan([line(0, 1.0, 3.0), line(1, 9.0, 2.7)], Limits(10)).placements
    assert last.speed == pytest.approx(2.7 / 1.499)
    assert last.reasons == ("early", "fast")


def test_over_the_limit_is_nobody_for_the_sake_of_drift():
    crowd = [line(number, 1.0 + number / 10, 3.0) for number in range(5)]
    assert max(p.speed for p in plan(crowd, Limits(60)).placements) == pytest.approx(1.4)


def test_neighbours_of_one_speaker_change_their_speed_together():
    def change(seconds):
        talk = [line(0, 1, 2.0, 2.0), line(1, 1 + 2 + seconds, 2.5, 2.0), line(2, 5 + seconds, 1.0)]
        first, second, _ = plan(talk, Limits(20)).placements
        return np.abs(1 / first.speed - 1 / second.speed)

    assert change(0.05) < change(1.5)
