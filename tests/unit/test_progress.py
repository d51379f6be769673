"""Progress only moves forward, from 0 to 1, whatever the stages and languages."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from worker.progress import LANGUAGE_STAGES, SHARED_STAGES, Progress, of_language, overall


@given(st.integers(1, 6))
def test_it_rises_from_nothing_to_all(languages):
    steps = [overall(stage, f) for stage in SHARED_STAGES for f in (0.0, 0.5, 1.0)]
    for position in range(languages):
        steps += [overall(stage, f, position, languages) for stage in LANGUAGE_STAGES for f in (0.0, 0.5, 1.0)]
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(steps))
    assert steps[0] == 0.0
    assert abs(steps[-1] - 1.0) < 1e-9


def test_a_language_has_its_own_progress():
    written = []
    progress = Progress(lambda *report: written.append(report), ("es", "ca"))
    progress.begin("fetch")
    progress.begin("translate", "ca")
    assert written[0] == ("fetch", 0.0, None)
    stage, whole, (language, own) = written[1]
    assert (stage, language, own) == ("translate", "ca", of_language("translate", 0.0))
    assert whole > 0.7


def test_it_is_written_at_most_once_a_second_within_a_stage():
    written = []
    progress = Progress(lambda *report: written.append(report), ("es",))
    progress.begin("mix", "es")
    for step in range(100):
        progress.at(step / 100)
    assert len(written) == 1
