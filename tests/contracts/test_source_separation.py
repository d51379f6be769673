"""What every SourceSeparator promises, and what goes wrong at ElevenLabs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from shared.config import Settings
from shared.errors import PermanentError, PipelineError, TransientError
from tests.contracts.conftest import ENGLISH, kept_in, live, settings_for, spoken
from tests.standins.server import CUT, EMPTY_AUDIO, MALFORMED, QUOTA, Fault, Server, serving, status
from worker.engines import registry
from worker.engines.door import listen
from worker.engines.errors import OutOfQuotaError
from worker.engines.protocols import Samples, SourceSeparator
from worker.engines.source_separation import elevenlabs

RATE = 48_000
ROUTE = "elevenlabs_audio_isolation"
Make = Callable[..., SourceSeparator]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("elevenlabs_hearing") as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(server: Server) -> None:
    server.forget()


@pytest.fixture
def make(server: Server, engine_settings: Callable[..., Settings]) -> Make:
    def made(name: str, **overrides: Any) -> SourceSeparator:
        def settings(**values: Any) -> Settings:
            return engine_settings(**values, **overrides)

        return registry.build("source_separation", settings_for(name, "source_separation", settings, server))

    return made


@pytest.fixture(scope="module")
def hum() -> Samples:
    """A background that the stand-in can tell from a voice: all of it below 1 kHz. Stereo, 14 s."""
    axis = np.arange(14 * RATE) / RATE
    left = 0.05 * sum(np.sin(2 * np.pi * pitch * axis) for pitch in (180.0, 330.0, 520.0))
    return np.stack([left, 0.5 * left], 1).astype(np.float32)


@pytest.fixture(scope="module")
def voice() -> Samples:
    """A line at second 2 and another one at second 9, all of it above 1 kHz."""
    track = np.zeros(14 * RATE, np.float32)
    line = soxr.resample(spoken(ENGLISH), 16_000, RATE)
    spectrum = np.fft.rfft(line)
    spectrum[np.fft.rfftfreq(len(line), 1 / RATE) < 1000.0] = 0
    high = np.fft.irfft(spectrum, len(line)).astype(np.float32)
    for second in (2, 9):
        track[second * RATE : second * RATE + len(high)] += high
    return track


@pytest.fixture
def sound(tmp_path: Path, hum: Samples, voice: Samples) -> Path:
    path = tmp_path / "sound.flac"
    soundfile.write(path, hum + voice[:, np.newaxis], RATE)
    return path


@pytest.mark.parametrize("name", ["fake", "ducking", "elevenlabs", *live("elevenlabs")])
def test_a_background_is_a_file_like_the_source_in_the_given_place_or_none(
    name: str, tmp_path: Path, make: Make, sound: Path
) -> None:
    separator = make(name)
    background = separator.separate(sound, tmp_path / "out", kept_in(tmp_path / "kept")).background
    assert separator.model
    if background is not None:
        assert background.is_file()
        assert background.parent == tmp_path / "out"
        assert list((tmp_path / "out").iterdir()) == [background]
        ours, theirs = soundfile.info(background), soundfile.info(sound)
        assert (ours.frames, ours.samplerate, ours.channels) == (theirs.frames, theirs.samplerate, theirs.channels)


@pytest.mark.parametrize("longest", [120.0, 6.0])
def test_the_voice_is_gone_and_the_background_is_not(
    longest: float, tmp_path: Path, make: Make, server: Server, sound: Path, hum: Samples, voice: Samples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """In one request, and in stretches that are joined again."""
    monkeypatch.setattr(elevenlabs, "LONGEST", longest)
    background = make("elevenlabs").separate(sound, tmp_path / "out", kept_in(tmp_path / "kept")).background
    assert background is not None
    found, _ = soundfile.read(background, dtype="float32")
    left = np.dot(found.mean(axis=1), voice) / np.dot(voice, voice)
    assert 20 * np.log10(abs(left)) < -20
    speaks = np.abs(voice).max() / 100
    error = np.sqrt(np.mean((found - hum)[np.abs(voice) < speaks] ** 2))
    assert error < 0.15 * np.sqrt(np.mean(hum**2))
    assert server.calls(ROUTE) == (1 if longest > 14 else 3)


def test_nothing_is_asked_where_nobody_speaks(tmp_path: Path, make: Make, server: Server, hum: Samples) -> None:
    soundfile.write(tmp_path / "hum.flac", hum, RATE)
    background = (
        make("elevenlabs").separate(tmp_path / "hum.flac", tmp_path / "out", kept_in(tmp_path / "kept")).background
    )
    assert background is not None
    assert np.allclose(soundfile.read(background)[0], hum, atol=1 / 32_000)
    assert server.calls() == 0


def test_a_short_sound_is_made_long_enough(tmp_path: Path, make: Make, server: Server, voice: Samples) -> None:
    soundfile.write(tmp_path / "line.flac", voice[2 * RATE : 5 * RATE, np.newaxis], RATE)
    background = (
        make("elevenlabs").separate(tmp_path / "line.flac", tmp_path / "out", kept_in(tmp_path / "kept")).background
    )
    assert background is not None
    assert soundfile.info(background).frames == 3 * RATE
    assert server.calls(ROUTE) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (status(429, retry_after=7), TransientError, "provider_busy"),
        (status(500), TransientError, "provider_unavailable"),
        (CUT, TransientError, "provider_unavailable"),
        (MALFORMED, TransientError, "provider_answer_malformed"),
        (EMPTY_AUDIO, TransientError, "provider_answer_malformed"),
        (QUOTA, OutOfQuotaError, "provider_out_of_quota"),
        (status(401), PermanentError, "provider_refused_key"),
    ],
)
def test_each_failure_has_its_error(
    fault: Fault, kind: type[PipelineError], code: str, tmp_path: Path, make: Make, server: Server, sound: Path
) -> None:
    server.plan(ROUTE, fault)
    with pytest.raises(kind) as failed:
        make("elevenlabs").separate(sound, tmp_path / "out", kept_in(tmp_path / "kept"))
    assert failed.value.code == code
    assert server.calls() == 1


def test_stretches_that_were_paid_for_are_not_asked_for_again(
    tmp_path: Path, make: Make, server: Server, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by another process either, which has nothing but what was kept."""
    monkeypatch.setattr(elevenlabs, "LONGEST", 6.0)
    told: list[Any] = []
    unheard = listen(told.append)
    server.plan(ROUTE, None, status(503))
    with pytest.raises(TransientError):
        make("elevenlabs", elevenlabs_concurrency=1).separate(sound, tmp_path / "out", kept_in(tmp_path / "kept"))
    assert not list((tmp_path / "out").iterdir()), "nothing fills the disk for another engine"
    for folder in ("anew", "once more"):
        made = make("elevenlabs").separate(sound, tmp_path / folder, kept_in(tmp_path / "kept"))
        assert made.background is not None
    unheard()
    assert server.calls(ROUTE) == 4
    assert [call.outcome for call in told] == ["ok", "provider_unavailable", "ok", "ok"]
    assert sum(use.amount for call in told for use in call.usage) == pytest.approx(14 + 2 * elevenlabs.OVERLAP, abs=0.1)
    first, second = (soundfile.read(tmp_path / folder / "background-sound.flac")[0] for folder in ("anew", "once more"))
    assert np.array_equal(first, second)
