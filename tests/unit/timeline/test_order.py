"""Who waits for whom, on talks small enough to see it."""

from worker.timeline import Limits, Line
from worker.timeline.order import Wait, waits

LIMITS = Limits(60.0)


def test_without_cross_talk_everyone_waits_for_the_line_ahead():
    lines = [Line(0, 0, 1, "A", 1), Line(1, 1.5, 2, "B", 1), Line(2, 2.5, 3, "A", 1)]
    assert waits(lines, LIMITS) == [Wait(0, 1, 0.05), Wait(1, 2, 0.05)]


def test_an_interjection_waits_for_the_start_only_and_the_next_line_for_both():
    lines = [Line(0, 0, 5, "A", 5), Line(1, 2, 3, "B", 1.2), Line(2, 6, 7, "A", 1)]
    assert waits(lines, LIMITS) == [
        Wait(0, 1, None, 1.2),
        Wait(0, 1, None),
        Wait(0, 2, 0.05),
        Wait(1, 2, 0.05),
    ]


def test_one_far_too_long_to_stay_within_is_laid_at_the_end_of_the_other():
    lines = [Line(0, 0, 5, "A", 5), Line(1, 2, 3, "B", 2.0)]
    assert waits(lines, LIMITS)[0] == Wait(0, 1, -1.0)


def test_one_speakers_lines_never_sound_together_whatever_the_source_says():
    lines = [Line(0, 0, 5, "A", 5), Line(1, 2, 3, "A", 1)]
    assert waits(lines, LIMITS) == [Wait(0, 1, 0.05)]
