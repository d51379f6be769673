"""Progress only moves forward, from 0 to 1, whatever the stages, the languages and their order."""

import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import LeaseLostError
from worker.forecast import CLOSING_STAGES, LANGUAGE_STAGES, SHARED_STAGES, Forecast, Position, expected
from worker.progress import Progress, Report

LANGUAGES = ("es", "ca", "fr")
FORECAST = Forecast(
    dict.fromkeys(SHARED_STAGES, 1.0),
    {language: dict.fromkeys(LANGUAGE_STAGES, 1.0) for language in LANGUAGES},
    lanes=2,
)

lengths = st.floats(0, 1000)


@st.composite
def forecasts(draw):
    shared = {stage: draw(lengths) for stage in SHARED_STAGES}
    languages = {
        language: {stage: draw(lengths) for stage in LANGUAGE_STAGES}
        for language in LANGUAGES[: draw(st.integers(1, 3))]
    }
    return Forecast(shared, languages, draw(st.integers(1, 4)), {stage: draw(lengths) for stage in CLOSING_STAGES})


def watched(forecast=FORECAST, write=None):
    written: list[Report] = []
    learned: list[tuple[str, str]] = []
    progress = Progress(write or written.append, lambda stage, engine, _: learned.append((stage, engine)), forecast)
    return progress, written, learned


@given(forecasts(), st.randoms())
def test_it_rises_from_nothing_to_all_in_any_interleaving(forecast, order):
    shared, languages = None, {}
    seen = [forecast.progress(shared, languages)]
    for stage in SHARED_STAGES:
        for fraction in (0.0, 0.5, 1.0):
            shared = Position(stage, fraction)
            seen.append(forecast.progress(shared, languages))
    left = {name: [(stage, f) for stage in LANGUAGE_STAGES for f in (0.0, 0.5, 1.0)] for name in forecast.languages}
    while names := [name for name in left if left[name]]:
        name = order.choice(names)
        languages[name] = Position(*left[name].pop(0))
        seen.append(forecast.progress(shared, languages))
    closing = None
    for stage in CLOSING_STAGES:
        for fraction in (0.0, 0.5, 1.0):
            closing = Position(stage, fraction)
            seen.append(forecast.progress(shared, languages, closing))
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(seen))
    assert seen[0] == 0.0
    parts = [forecast.shared, *forecast.languages.values(), forecast.closing]
    whole = sum(sum(stages.values()) for stages in parts)
    assert seen[-1] == pytest.approx(1.0) or whole < 1e-6
    assert forecast.remaining(shared, languages, closing) == pytest.approx(0.0)


@given(forecasts())
def test_what_remains_fits_the_lanes(forecast):
    around = sum(forecast.shared.values()) + sum(forecast.closing.values())
    each = [sum(stages.values()) for stages in forecast.languages.values()]
    remaining = forecast.remaining(None, {}) - around
    least = max(*each, sum(each) / forecast.lanes)
    assert least - 1e-6 <= remaining <= sum(each) + 1e-6


def test_a_stage_under_way_tells_its_own_pace():
    """Expected: 100 s. Half is done after 10 s, so 10 s are left, and what comes after."""
    forecast = Forecast({"transcribe": 100.0}, {"es": {"mix": 7.0}})
    assert forecast.remaining(Position("transcribe", 0.5, 10.0), {}) == pytest.approx(17.0)


def test_three_languages_in_two_lanes_take_two_turns():
    forecast = Forecast({}, {language: {"mix": 10.0} for language in LANGUAGES}, lanes=2)
    assert forecast.remaining(None, {}) == pytest.approx(20.0)
    assert forecast.remaining(None, {"es": Position("mix", 1.0), "ca": Position("mix", 0.05)}) == pytest.approx(10.0)


def test_a_learned_speed_counts_more_than_the_default():
    assert expected("mix", "", 100.0, {("mix", ""): 0.5}) == pytest.approx(50.0)
    assert expected("translate", "given", 100.0, {}) == 0.0
    assert expected("transcribe", "given", 100.0, {}) < expected("transcribe", "x/1", 100.0, {})


def test_each_language_has_its_own_and_the_job_shows_the_one_furthest_behind():
    progress, written, _ = watched()
    with progress.stage("fetch"):
        pass
    with progress.stage("translate", "es"):
        pass
    with progress.stage("synthesize", "es"), progress.stage("translate", "ca"):
        pass
    assert [(report.stage, report.dub and report.dub[:2]) for report in written] == [
        ("fetch", None), ("translate", ("es", "translate")), ("synthesize", ("es", "synthesize")),
        ("translate", ("ca", "translate")),
    ]  # fmt: skip
    assert written[2].dub[2] == pytest.approx(1 / len(LANGUAGE_STAGES))


def test_a_language_that_is_over_is_behind_no_more():
    progress, written, _ = watched()
    with progress.stage("translate", "ca"):
        pass
    progress.over("ca")
    with progress.stage("mix", "es"):
        pass
    assert written[-1].stage == "mix"


def test_what_closes_a_job_is_shown_as_its_stage_and_adds_to_it():
    own, around = dict.fromkeys(LANGUAGE_STAGES, 1.0), dict.fromkeys(SHARED_STAGES, 1.0)
    progress, written, _ = watched(Forecast(around, {"es": own}, closing={"assemble": 2.0}))
    with progress.stage("publish", "es"):
        pass
    progress.over("es")
    with progress.stage("assemble"):
        pass
    assert (written[-1].stage, written[-1].dub) == ("assemble", None)
    assert (written[-1].progress, written[-1].remaining_seconds) == (
        pytest.approx(1 - 2 / (len(own) + len(around) + 2)),
        pytest.approx(2.0),
    )


def test_it_never_goes_back_within_a_stage():
    """A second encoding begins anew; who watches sees the stage stand still."""
    written: list[Report] = []
    progress, *_ = watched(write=written.append)
    with progress.stage("mix", "es") as step:
        for fraction in (0.8, 0.1, 0.9):
            step._written = float("-inf")
            step.at(fraction)
    seen = [report.progress for report in written]
    assert seen == sorted(seen)


def test_it_is_written_at_most_once_a_second_within_a_stage():
    progress, written, _ = watched()
    with progress.stage("mix", "es") as step:
        for number in range(100):
            step.at(number / 100)
    assert len(written) == 1


def test_only_what_ran_whole_teaches():
    progress, _, learned = watched()
    with progress.stage("extract") as step:
        step.ran(whole=False)
    with progress.stage("separate"):
        pass
    with pytest.raises(ZeroDivisionError), progress.stage("transcribe") as step:
        step.at(1 / len(learned))
    with progress.stage("synthesize", "es") as step:
        step.ran("espeak/1")
    assert learned == [("synthesize", "espeak/1")]


def test_once_the_lease_is_lost_every_thread_stops():
    progress, _, _ = watched()
    caught: list[Exception] = []
    begun, stopped = threading.Event(), threading.Event()

    def work() -> None:
        try:
            with progress.stage("mix", "ca") as step:
                begun.set()
                stopped.wait(60)
                step.at(0.5)
        except LeaseLostError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(60)
    progress.stop()
    stopped.set()
    thread.join(60)
    assert len(caught) == 1
