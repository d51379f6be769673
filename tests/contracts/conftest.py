"""What every engine is tried on: settings without neighbours, and English speech made by flite."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr

from shared.config import Settings, SettingsError, load
from tests.standins.server import Server
from worker.engines.protocols import Keep, Samples, Sound
from worker.engines.speech_synthesis.flite import FliteSynthesiser

ENGLISH = "Please remember to turn off your phone before the meeting begins."
ALSO_ENGLISH = "The children were playing under the apple tree."
LIVE = "live:"
SLOTS = ("speech_recognition", "forced_alignment", "translation", "speech_synthesis", "source_separation")


def settings_in(scratch: Path, **overrides: Any) -> Settings:
    """Settings that reach no neighbour."""
    values: dict[str, Any] = {
        "environment": "test",
        "database_url": "postgresql+psycopg://nobody@localhost/none",
        "s3_bucket": "none",
        "sqs_queue_url": "http://localhost/none",
        "mail_from": "no-reply@onevoice.test",
        "jwt_secret": "not a secret, but long enough for one",
        "scratch_dir": scratch,
        "engine_modules": ("tests.fakes",),
    }
    return load(**{**values, **overrides})


@pytest.fixture
def engine_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Make settings that reach no neighbour; keyword arguments override."""
    return lambda **overrides: settings_in(tmp_path / "scratch", **overrides)


def live(*providers: str) -> list[Any]:
    """Parameters for the same suite against the real providers."""
    return [pytest.param(f"{LIVE}{provider}", marks=pytest.mark.live) for provider in providers]


def settings_for(engine: str, slot: str, make: Callable[..., Settings], server: Server) -> Settings:
    """Settings that name the engine, behind its stand-in; one of `live` is behind the provider itself, with the key of
    the environment, and its tests are skipped where there is none."""
    if not engine.startswith(LIVE):
        return make(**{slot: (engine,)}, **server.settings())
    provider = engine.removeprefix(LIVE)
    try:
        return make(**{slot: (provider,)})
    except SettingsError as missing:
        pytest.skip(str(missing))


def kept_in(folder: Path) -> Keep:
    """What a separator keeps goes there, and is found there again."""

    def keep(name: str, make: Callable[[Path], None]) -> Path:
        folder.mkdir(exist_ok=True)
        path = folder / name.replace("/", ".")
        if not path.exists():
            unfinished = folder / f"unfinished {path.name}"
            make(unfinished)
            unfinished.rename(path)
        return path

    return keep


def spoken(text: str, voice: str = "slt") -> Samples:
    """`text` in English at 16 kHz."""
    sound = FliteSynthesiser(settings_in(Path("unused"))).synthesise(text, f"flite:{voice}", "en")
    samples: Samples = soxr.resample(sound.samples, sound.rate, 16_000)
    return samples


@pytest.fixture(scope="session")
def english() -> Sound:
    """ENGLISH, spoken."""
    return Sound(spoken(ENGLISH), 16_000)


def music(seconds: float, level: float = 0.1, rate: int = 16_000) -> Samples:
    """A plucked melody with a beat, RMS `level`; always the same."""
    random, count = np.random.default_rng(1), int(seconds * rate)
    bed = np.zeros(count + rate)
    for start in range(0, count, rate // 4):
        axis = np.arange(rate) / rate
        pitch = random.choice((110.0, 220.0, 261.6, 329.6, 392.0))
        tone = sum(np.sin(2 * np.pi * pitch * k * axis) / k for k in range(1, 6))
        bed[start : start + rate] += tone * np.exp(-4 * axis)
        bed[start : start + 400] += 0.3 * random.standard_normal(400)
    bed = bed[:count]
    samples: Samples = (bed * level / np.sqrt(np.mean(bed**2))).astype(np.float32)
    return samples
