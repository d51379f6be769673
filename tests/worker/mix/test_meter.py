"""The meter against ffmpeg's, which was written by others in another way."""

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media import speech
from worker.media import ffmpeg
from worker.media.meter import Meter, line_lufs, lufs, measured
from worker.spans import Span

RATE = 48_000


def tone(hertz, seconds=6, level=0.2):
    return (level * np.sin(2 * np.pi * hertz * np.arange(RATE * seconds) / RATE)).astype(np.float32)


def noise(seconds=6, seed=1):
    return np.random.default_rng(seed).normal(0, 0.05, RATE * seconds).astype(np.float32)


def theirs(sound):
    return ffmpeg.loudness([sound], RATE, peaks=False).integrated_lufs


def talk(tmp_path):
    """Speech with pauses, so that the gates have something to do."""
    spoken, rate = soundfile.read(speech(tmp_path / "talk.wav"), dtype="float32")
    line = soxr.resample(spoken, rate, RATE)
    return np.concatenate([line, np.zeros(RATE * 3, np.float32), 0.3 * line]).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("hertz", [40, 997, 8_000])
def test_a_tone_is_as_loud_as_ffmpeg_says(hertz, channels):
    sound = np.repeat(tone(hertz)[:, None], channels, 1)
    assert lufs(measured([sound])) == pytest.approx(theirs(sound), abs=0.1)


def test_speech_with_pauses_and_noise_are_as_loud_as_ffmpeg_says(tmp_path):
    for sound in (talk(tmp_path)[:, None], np.stack([noise(), noise(seed=2)], 1), noise()[:, None] + 0.1):
        assert lufs(measured([sound])) == pytest.approx(theirs(sound), abs=0.1)


def test_surround_counts_as_the_standard_says():
    """BS.1770: the bass does not count, a surround channel 1.5 dB more than a front one."""

    def alone(channel):
        sound = np.zeros((RATE * 2, 6), np.float32)
        sound[:, channel] = tone(997, 2)
        return lufs(measured([sound]))

    assert alone(0) == alone(2) == pytest.approx(lufs(measured([tone(997, 2)])) - 3.01, abs=0.01)
    assert alone(4) == alone(5) == pytest.approx(alone(0) + 1.49, abs=0.01)
    assert alone(3) is None


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 20_000), max_size=12))
def test_the_blocks_do_not_show(sizes):
    sound, meter, first = noise(3), Meter(), 0
    for size in (*sizes, len(sound)):
        meter.take(sound[first : first + size])
        first += size
    assert np.allclose(meter.powers(), measured([sound]), rtol=1e-5)


def test_only_what_lies_in_the_spans_counts():
    sound = np.concatenate([tone(997, 4, 0.1), tone(997, 4, 0.01)])
    powers = measured([sound])
    assert lufs(powers, [Span(0, 4)]) - lufs(powers, [Span(4.4, 8)]) == pytest.approx(20, abs=0.1)
    assert lufs(powers, []) is None


def test_silence_and_nothing_have_no_loudness():
    assert lufs(measured([np.zeros((RATE, 2), np.float32)])) is None
    assert lufs(measured([])) is None
    assert line_lufs(np.zeros(0, np.float32)) is None


@pytest.mark.parametrize("seconds", [0.15, 0.3, 2.0])
def test_a_line_is_as_loud_as_it_sounds_however_short_it_is(seconds):
    line = noise(3)[: round(seconds * RATE)]
    assert line_lufs(line) == pytest.approx(lufs(measured([noise(3)])), abs=0.7)
