"""The background under a known voice: the voice goes, the rest stays, in step to the sample."""

from collections.abc import Iterator

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.conftest import ALSO_ENGLISH, ENGLISH, music, spoken
from worker.engines.protocols import Samples
from worker.engines.source_separation.stretches import stretches
from worker.media.masking import crossfaded, fit, shifted, without_voice

RATE = 48_000


def db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(samples)) + 1e-12))


def cut(samples: Samples, size: int) -> Iterator[Samples]:
    return (samples[first : first + size] for first in range(0, len(samples), size))


@pytest.fixture(scope="module")
def voice() -> Samples:
    speech = np.concatenate([spoken(ENGLISH), np.zeros(16_000, np.float32), spoken(ALSO_ENGLISH, "rms")])
    return soxr.resample(speech, 16_000, RATE)


@pytest.fixture(scope="module")
def bed(voice: Samples) -> Samples:
    mono = music(len(voice) / RATE + 1, 0.05, RATE)[: len(voice)]
    return np.stack([mono, 0.6 * mono], 1)


def estimate(voice: Samples) -> Samples:
    """What an isolating model might give: late, quieter, its phases turned, a little noise."""
    turned = np.fft.irfft(np.fft.rfft(voice) * np.exp(0.4j), len(voice))
    noise = 0.001 * np.random.default_rng(2).standard_normal(len(voice))
    return shifted((0.5 * turned + noise).astype(np.float32), 1105)[: len(voice)]


def test_the_voice_goes_and_the_background_stays(voice: Samples, bed: Samples) -> None:
    mix, known = bed + voice[:, np.newaxis], estimate(voice)
    lag, gain = fit(mix.mean(axis=1), known, RATE // 4)
    assert lag == pytest.approx(-1105, abs=48)
    assert gain == pytest.approx(2.0, rel=0.1)
    found = np.concatenate(list(without_voice(cut(mix, 4800), cut(shifted(known, lag), 777), gain)))
    assert found.shape == mix.shape
    left = np.dot(found.mean(axis=1), voice) / np.dot(voice, voice)
    assert 20 * np.log10(abs(left)) < -25  # of the voice, in step with itself
    assert db(found - bed) < db(mix - bed) - 14
    quiet = slice(len(spoken(ENGLISH)) * 3 + RATE // 4, len(spoken(ENGLISH)) * 3 + RATE // 2)
    assert db(found[quiet] - bed[quiet]) < db(bed[quiet]) - 20


@settings(max_examples=20)
@given(st.integers(1, 9000), st.integers(1, 5000), st.integers(1, 2))
def test_without_a_voice_nothing_changes_whatever_the_blocks(frames: int, size: int, channels: int) -> None:
    mix = np.random.default_rng(frames).standard_normal((frames, channels)).astype(np.float32)
    found = np.concatenate(list(without_voice(cut(mix, size), iter(()))))
    assert found.shape == mix.shape
    assert np.allclose(found, mix, atol=1e-5)


def test_nothing_in_nothing_out() -> None:
    assert list(without_voice(iter(()), iter(()))) == []


def test_a_silent_voice_has_no_gain() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert fit(noise, np.zeros(RATE, np.float32), 100)[1] == 0.0


@settings(max_examples=50)
@given(st.integers(0, 5000), st.integers(100, 900), st.integers(1, 40), st.integers(0, 50), st.integers(1, 300))
def test_stretches_put_together_are_the_whole(
    frames: int, longest: int, overlap: int, shortest: int, size: int
) -> None:
    plan = stretches(frames, longest, overlap, shortest)
    assert all(stretch.length <= longest + overlap for stretch in plan)
    assert all(stretch.length >= min(shortest, frames) for stretch in plan)
    whole = np.arange(frames, dtype=np.float32)[:, np.newaxis]
    parts = (cut(whole[first : first + length], size) for first, length in plan)
    made = list(crossfaded(parts, overlap))
    assert np.allclose(np.concatenate(made) if made else whole[:0], whole, atol=0.01)
