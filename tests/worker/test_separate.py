"""What an isolated voice costs when the worker does not get through."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import soundfile
from sqlalchemy import Engine

from shared.config import Settings
from shared.errors import TransientError
from shared.storage import Storage
from tests.media import SAYING, speech
from tests.standins.server import Server, serving, status
from tests.worker.test_pipeline import another, order
from worker import work
from worker.engines.source_separation import elevenlabs
from worker.stages.excerpt import excerpt
from worker.stages.extract import extract
from worker.stages.separate import Bed, separate
from worker.work import Work

ROUTE = "elevenlabs_audio_isolation"
STRETCHES = 3


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(elevenlabs, "LONGEST", 6.0)
    with serving("elevenlabs_hearing") as running:
        yield running


@pytest.fixture
def isolating(make_settings: Callable[..., Settings], server: Server) -> Settings:
    return make_settings(
        **server.settings(), source_separation=("elevenlabs", "ducking"), elevenlabs_concurrency=1, engine_attempts=1
    )


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speech(tmp_path_factory.mktemp("talk") / "talk.wav", " ".join([SAYING] * 3))


def separated(running: Work) -> Bed:
    """What the stage alone makes."""
    return separate(running, extract(running, excerpt(running)))


def test_another_worker_pays_only_for_what_was_not_answered(
    engine: Engine, isolating: Settings, server: Server, talk: Path
) -> None:
    alone = isolating.model_copy(update={"source_separation": ("elevenlabs",)})
    first = order(engine, alone, talk, seconds=soundfile.info(talk).duration)
    server.plan(ROUTE, None, status(503), status(503))
    with pytest.raises(TransientError):
        separated(work.load(alone, engine, first))
    answered = server.succeeded()[ROUTE]
    assert answered == 1
    assert not separated(work.load(alone, engine, another(engine, alone, first))).ducked
    assert server.succeeded()[ROUTE] == STRETCHES


def test_a_file_store_that_is_away_is_no_reason_to_ask_another_engine_or_to_pay_again(
    engine: Engine, isolating: Settings, server: Server, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = work.load(isolating, engine, order(engine, isolating, talk, seconds=soundfile.info(talk).duration))
    sound = extract(running, excerpt(running))

    def away(*_: object) -> None:
        raise TransientError("storage_unavailable", "The file store does not answer as it should.")

    with monkeypatch.context() as patched:
        patched.setattr(Storage, "upload", away)
        with pytest.raises(TransientError, match="file store"):
            separate(running, sound)
    assert not separate(running, sound).ducked
    assert server.calls(ROUTE) == STRETCHES


def test_ducking_that_stood_in_serves_its_round_only(
    engine: Engine, isolating: Settings, server: Server, talk: Path
) -> None:
    held = order(engine, isolating, talk, seconds=soundfile.info(talk).duration)
    server.plan(ROUTE, *[status(503)] * STRETCHES)
    assert separated(work.load(isolating, engine, held)).ducked
    asked = server.calls(ROUTE)
    assert separated(work.load(isolating, engine, held)).ducked
    assert server.calls(ROUTE) == asked
    server.forget()
    assert not separated(work.load(isolating, engine, another(engine, isolating, held))).ducked
