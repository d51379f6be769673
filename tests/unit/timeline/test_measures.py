"""The report's numbers on plans small enough to count by hand."""

import json

import pytest

from bench.material.lines import lines_of
from worker.measures import MixFacts, measure
from worker.timeline import Limits, Line, Placement, Plan, plan

LINES = [
    Line(0, 0.0, 2.0, "A", 2.0),
    Line(1, 3.0, 5.0, "A", 2.8),
    Line(2, 4.5, 6.0, "B", 1.0),
    Line(3, 8.0, 9.0, "B", 0.0),
]
PLAN = Plan(
    (
        Placement(0, 0.0, 1.0, 2.0, 0.0),
        Placement(1, 3.0, 1.4, 2.0, 0.0),
        Placement(2, 5.1, 1.0, 1.0, 0.6, ("late",)),
    ),
    silent=(3,),
)


def test_it_counts_what_the_ear_hears():
    found = measure(LINES, PLAN)
    assert (found.lines, found.placed, found.needs_review) == (4, 3, 2)
    assert found.onset_drift.median == 0.0
    assert found.onset_drift.max == pytest.approx(0.6)
    assert (found.overlap_within_speaker, found.overlap_between_speakers) == (0.0, 0.0)
    assert found.source_overlap_between_speakers == pytest.approx(0.5)
    assert found.speed.max == 1.4
    assert found.share_faster_than_1_2 == pytest.approx(1 / 3)
    assert found.speed_jump.max == pytest.approx(0.4)
    assert found.duration_match == pytest.approx((1 + 1 + 1 / 1.5) / 3)
    assert found.share_within_20_percent == pytest.approx(2 / 3)
    assert found.voiced_iou == pytest.approx(4.9 / (6.0 + 5.0 - 4.9))
    assert found.silence_in_source_speech == pytest.approx(6.0 - 4.9)
    assert found.speech_lost == 0.0


def test_a_line_that_is_missing_counts_as_lost_speech_and_asks_for_review():
    found = measure(LINES, Plan(PLAN.placements[:2], silent=(3,)))
    assert found.speech_lost == pytest.approx(1.0 / 5.8)
    assert [row.needs_review for row in found.rows] == [False, False, True, True]


def test_an_overlap_is_told_apart_by_speaker():
    laid = Plan((Placement(0, 0.0, 1.0, 2.0, 0.0), Placement(1, 1.5, 1.0, 2.8, 0.0), Placement(2, 4.0, 1.0, 1.0, 0.0)))
    found = measure(LINES, laid)
    assert found.overlap_within_speaker == pytest.approx(0.5)
    assert found.overlap_between_speakers == pytest.approx(0.3)


def test_reasons_of_earlier_stages_come_first():
    found = measure(LINES, PLAN, reasons={2: ("shortened",), 0: ("recognition_doubtful",)})
    assert found.rows[2].reasons == ("shortened", "late")
    assert found.rows[0].needs_review


def test_no_lines_measure_as_nothing_and_the_report_is_json():
    found = measure([], Plan(()), mix=MixFacts("keep", 3.0, 3.0, dub_dialogue_lufs=float("-inf")))
    assert (found.onset_drift, found.speed, found.voiced_iou, found.speech_lost) == (None, None, None, 0.0)
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert written["mix"]["dub_dialogue_lufs"] is None


@pytest.mark.parametrize("tier", ["fits", "overfull"])
def test_the_standard_lines_lose_and_overlap_nothing(tier):
    lines, limits = lines_of(tier, 1)
    found = measure(lines, plan(lines, limits))
    assert (found.speech_lost, found.overlap_within_speaker, found.overlap_between_speakers) == (0.0, 0.0, 0.0)
    assert found.needs_review == (0 if tier == "fits" else sum(abs(row.late) > 0.3 + 1e-6 for row in found.rows))


def test_real_spans_are_preferred_to_the_lines_own():
    found = measure(LINES[:1], plan(LINES[:1], Limits(5)), source_spans=[(0, 1)], dub_spans=[(0.5, 1.5)])
    assert found.voiced_iou == pytest.approx(0.5 / 1.5)
    assert found.silence_in_source_speech == pytest.approx(0.5)
