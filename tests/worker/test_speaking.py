"""Lines are spoken while others are still translated, and a translation that fails leaves nothing running."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.config import Settings
from shared.dubbing.transcript import GivenLine, GivenTranscript
from shared.errors import PermanentError
from tests import fakes
from tests.fakes import FakeTranslator, calls
from tests.media import a_clip
from tests.processes import until
from tests.worker.test_pipeline import order, run

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
