"""Sound on a slower clock: as long as that says, untouched where it is not slowed, at its own pitch where it is."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.worker.media.sources import click_times, clicks
from worker.media.slowed import FADE, RATE, slowed
from worker.timeline import Slow, Warp

SLOWS = (Slow(2.0, 4.0, 1.25), Slow(4.0, 5.0, 1.1), Slow(7.5, 8.0, 1.2))


def written(path: Path, samples: np.ndarray) -> Path:
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return path


def test_it_lasts_as_the_clock_says_and_what_is_not_slowed_is_untouched(tmp_path: Path) -> None:
    source = clicks(10.0, (1.0, 6.0, 9.0))
    clock = Warp(10.0, SLOWS)
    out = np.concatenate(list(slowed(written(tmp_path / "a.wav", source), clock)))
    assert len(out) == round(clock.duration * RATE)
    assert click_times(out) == pytest.approx(clock.at([1.0, 6.0, 9.0]), abs=1e-4)
    kept, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    assert np.array_equal(out[: 2 * RATE], kept[: 2 * RATE])
    after = round(clock.at([5.0])[0] * RATE) + FADE
    assert np.array_equal(out[after : after + 2 * RATE], kept[5 * RATE + FADE : 7 * RATE + FADE])


def test_a_slowed_tone_keeps_its_pitch_and_has_no_gap_at_the_seams(tmp_path: Path) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(10 * RATE) / RATE)
    out = np.concatenate(list(slowed(written(tmp_path / "a.wav", tone), Warp(10.0, SLOWS))))[:, 0]
    spectrum = np.abs(np.fft.rfft(out[round(2.2 * RATE) : round(4.2 * RATE)]))
    assert np.argmax(spectrum) / 2.0 == pytest.approx(440, abs=1)
    levels = np.sqrt(np.mean(out[: len(out) // 480 * 480].reshape(-1, 480) ** 2, axis=1))
    assert levels.min() > 0.5 * np.median(levels)
    assert np.max(np.abs(np.diff(out))) < 0.06


def test_a_burst_in_a_slowed_stretch_is_where_the_clock_says(tmp_path: Path) -> None:
    source = np.zeros((10 * RATE, 2), np.float32)
    for time in (2.5, 3.5, 7.7):
        first = round(time * RATE)
        source[first : first + 2400] = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(2400) / RATE)[:, None]
    clock = Warp(10.0, SLOWS)
    out = np.concatenate(list(slowed(written(tmp_path / "a.wav", source), clock)))
    for time in (2.5, 3.5, 7.7):
        middle = clock.at([time + 0.025])[0]
        around = out[round((middle - 0.1) * RATE) : round((middle + 0.1) * RATE), 0] ** 2
        centre = np.sum(np.arange(len(around)) * around) / np.sum(around) / RATE
        assert centre == pytest.approx(0.1, abs=0.006)
