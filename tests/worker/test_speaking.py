"""Lines are spoken while others are still translated, and a translation that fails leaves nothing running."""

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.config import Settings
from shared.dubbing.transcript import GivenLine, GivenTranscript
from shared.errors import PermanentError, TransientError
from tests import fakes
from tests.fakes import FakeSynthesiser, FakeTranslator, calls
from tests.media import a_clip
from tests.processes import until
from tests.standins.server import serving, status
from tests.worker.test_pipeline import another, order, report, run
from worker.engines.errors import no_sound
from worker.engines.protocols import Sound

LINES = 2 * FakeTranslator.batch_lines + 1
TRANSCRIPT = GivenTranscript(
    tuple(GivenLine(f"Line {number}.", 0.2 + number * 0.5, 0.6 + number * 0.5, "Ana") for number in range(LINES))
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_clip(tmp_path_factory.mktemp("speaking") / "clip.mp4")


def test_lines_are_spoken_while_others_are_translated(
    engine: Engine, make_settings, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Settings = make_settings(translation=("fake-slow",))
    spoken_before: list[int] = []

    def last_batch_waits_for_the_first_line(work: str) -> None:
        if work == f"es: {LINES - 1}":
            until(lambda: calls(settings, "speech_synthesis"), 60, "a spoken line")
            spoken_before.append(len(calls(settings, "speech_synthesis")))

    monkeypatch.setitem(fakes.MISHAPS, "fake-slow", (last_batch_waits_for_the_first_line, False))
    held = order(engine, settings, clip, source_transcript=TRANSCRIPT.to_dict())
    assert run(engine, settings, held).status == "COMPLETED"
    # The last line translated waits for its neighbour.
    assert 0 < spoken_before[0] < LINES
    assert len(calls(settings, "speech_synthesis")) == LINES


def test_a_translation_that_fails_fails_its_language_and_leaves_no_thread(
    engine: Engine, make_settings, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Settings = make_settings(translation=("fake-slow",))

    def last_batch_is_refused(work: str) -> None:
        if work == f"es: {LINES - 1}":
            raise PermanentError("content_refused", "No.")

    monkeypatch.setitem(fakes.MISHAPS, "fake-slow", (last_batch_is_refused, False))
    before = set(threading.enumerate())
    job = run(engine, settings, order(engine, settings, clip, source_transcript=TRANSCRIPT.to_dict()))
    assert (job.status, job.dubs[0].error_code) == ("FAILED", "content_refused")
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("ThreadPool")]


def test_a_line_that_is_always_spoken_as_silence_is_paid_for_as_often_as_patience_says_and_never_again(
    engine: Engine, make_settings, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Settings = make_settings(speech_synthesis=("fake-slow",), engine_first_wait_seconds=0.01)
    away = True

    def mute(work: str) -> None:
        if "Line 2." in work:
            raise no_sound("fake")
        if "Line 10." in work and away:
            raise TransientError("provider_unavailable", "The provider does not answer.")

    monkeypatch.setitem(fakes.MISHAPS, "fake-slow", (mute, False))
    first = order(engine, settings, clip, source_transcript=TRANSCRIPT.to_dict())
    with pytest.raises(TransientError):
        run(engine, settings, first)
    away = False
    again = another(engine, settings, first)
    assert run(engine, settings, again).status == "COMPLETED"
    asked = [call for call in calls(settings, "speech_synthesis") if "Line 2." in call["work"]]
    assert len(asked) == settings.engine_attempts
    silent = [line for line in report(engine, settings, again, tmp_path)["lines"] if "empty_speech" in line["reasons"]]
    assert [line["needs_review"] for line in silent] == [True]


def test_a_voice_that_stood_in_is_asked_for_again_by_another_job(
    engine: Engine, make_settings, clip: Path, tmp_path: Path
) -> None:
    wanted = "elevenlabs:pNInz6obpgDQGcFmaJgB"
    lines = GivenTranscript(TRANSCRIPT.lines[:2]).to_dict()
    with serving("elevenlabs_speaking", "fish_speaking") as server:
        settings: Settings = make_settings(
            **server.settings(), speech_synthesis=("elevenlabs", "fish"), engine_attempts=1, breaker_failures=50
        )
        server.plan("elevenlabs_speech", *[status(503)] * 2)
        first = order(engine, settings, clip, source_transcript=lines, options={"voices": {"default": wanted}})
        run(engine, settings, first)
        server.forget()
        second = another(engine, settings, first)
        run(engine, settings, second)
    stood_in, right = (report(engine, settings, held, tmp_path)["lines"] for held in (first, second))
    assert all("voice_substituted" in line["reasons"] for line in stood_in)
    assert [line["voice"] for line in right] == [wanted] * 2


def test_a_stand_in_that_says_nothing_serves_its_round_only(
    engine: Engine, make_settings, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One engine finds nothing to say, another is too quiet to hear: neither is the voice that was asked for."""
    wanted = "elevenlabs:pNInz6obpgDQGcFmaJgB"
    lines = GivenTranscript(TRANSCRIPT.lines[:2]).to_dict()
    synthesise = FakeSynthesiser.synthesise

    def quiet(self: FakeSynthesiser, text: str, *told: Any, **more: Any) -> Sound:
        if "Line 0." in text:
            raise PermanentError("empty_speech", "There is nothing to say in this line for this voice.")
        sound = synthesise(self, text, *told, **more)
        return Sound(sound.samples / 10_000, sound.rate)

    monkeypatch.setattr(FakeSynthesiser, "synthesise", quiet)
    with serving("elevenlabs_speaking") as server:
        settings: Settings = make_settings(
            **server.settings(), speech_synthesis=("elevenlabs", "fake"), engine_attempts=1, breaker_failures=50
        )
        server.plan("elevenlabs_speech", *[status(503)] * 2)
        first = order(engine, settings, clip, source_transcript=lines, options={"voices": {"default": wanted}})
        assert run(engine, settings, first).status == "COMPLETED"
        server.forget()
        second = another(engine, settings, first)
        assert run(engine, settings, second).status == "COMPLETED"
    silent, right = (report(engine, settings, held, tmp_path)["lines"] for held in (first, second))
    assert all({"voice_substituted", "empty_speech"} <= set(line["reasons"]) for line in silent)
    assert all("empty_speech" not in line["reasons"] for line in right)
    assert [line["voice"] for line in right] == [wanted] * 2
