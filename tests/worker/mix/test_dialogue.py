import numpy as np

from worker.media.meter import measured
from worker.stages.dialogue import speaker_targets, track_levels
from worker.stages.mix import HIGHEST_TRUE_PEAK_DBTP, over_peak
from worker.timeline import Line

RATE = 48_000


def tone(decibels, seconds):
    wave = 10 ** (decibels / 20) * np.sin(2 * np.pi * 1_000 * np.arange(round(seconds * RATE)) / RATE)
    return wave.astype(np.float32)[:, None]


def test_who_is_too_short_to_be_measured_is_as_loud_as_all_together():
    """Also one who is not where a transcript says, or whom the file's first or last tenths have alone."""
    powers = measured([tone(-20, 4.0), np.zeros((4 * RATE, 1), np.float32)])
    lines = [
        Line(0, 0.0, 0.15, "first", 0.2), Line(1, 0.5, 3.5, "host", 3.0), Line(2, 3.8, 3.84, "short", 0.2),
        Line(3, 5.0, 7.0, "absent", 1.0), Line(4, 9.0, 9.5, "behind", 1.0),
    ]  # fmt: skip
    targets = speaker_targets(powers, lines)
    assert {round(target) for target in targets.values()} == {-20}, targets
    assert set(track_levels(targets).values()) == {-23.0}


def test_where_nothing_can_be_measured_the_level_is_the_usual_one():
    silence = measured([np.zeros((RATE, 1), np.float32)])
    assert speaker_targets(silence, [Line(0, 0.2, 0.8, "A", 0.5)]) == {"A": -23.0}


def test_full_scale_is_over_the_peak_that_is_allowed():
    assert [over_peak(peak) for peak in (None, -3.0, HIGHEST_TRUE_PEAK_DBTP, 0.0)] == [0.0, 0.0, 0.0, 1.0]
