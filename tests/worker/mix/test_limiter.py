import numpy as np
import pytest
import soxr

from worker.media.limiter import limit

RATE = 48_000


def true_peak_db(sound):
    return 20 * np.log10(np.abs(soxr.resample(sound, RATE, 8 * RATE, "VHQ")).max())


def in_blocks(sound, *sizes):
    at, turn = 0, 0
    while at < len(sound):
        size = sizes[turn % len(sizes)]
        yield sound[at : at + size]
        at, turn = at + size, turn + 1


def limited(sound, *sizes):
    return np.concatenate(list(limit(in_blocks(sound, *(sizes or (RATE,))))))


def noise(seconds, level, below=16_000, seed=1):
    white = np.random.default_rng(seed).normal(0, level, (int(seconds * RATE), 2))
    spectrum = np.fft.rfft(white, axis=0)
    spectrum[np.fft.rfftfreq(len(white), 1 / RATE) > below] = 0
    return np.fft.irfft(spectrum, len(white), axis=0).astype(np.float32)


@pytest.mark.parametrize("level", [0.3, 0.6, 1.5])
def test_no_true_peak_is_above_the_ceiling(level):
    assert true_peak_db(limited(noise(4, level))) <= -1.8


def test_a_peak_between_samples_is_seen():
    at = np.arange(RATE)
    between = (1.2 * np.sin(2 * np.pi * 12_000 / RATE * at + np.pi / 4) * np.hanning(RATE)).astype(np.float32)
    assert np.abs(between).max() < 0.86
    assert true_peak_db(limited(np.stack([between, between], 1))) <= -1.95


@pytest.mark.parametrize("sizes", [(RATE,), (977,), (1, 5_000, 3, 0), (10**7,)])
def test_the_blocks_do_not_show(sizes):
    sound = noise(3, 0.05)
    sound[RATE : 2 * RATE] *= 12
    out = limited(sound, *sizes)
    assert np.array_equal(out, limited(sound))
    assert len(out) == len(sound)


def test_what_needs_no_limiting_is_untouched_bit_for_bit():
    sound = noise(4, 0.1)
    sound[2 * RATE, 0] = 1.9
    out = limited(sound)
    untouched = np.all(out == sound, axis=1)
    assert untouched[: 2 * RATE - 480].all()
    assert untouched[3 * RATE :].all()
    assert out[2 * RATE, 0] == pytest.approx(10 ** (-2 / 20), abs=0.01)


def test_loud_from_the_first_sample_to_the_last():
    sound = noise(0.5, 1.0)
    out = limited(sound)
    assert len(out) == len(sound)
    assert np.abs(out).max() <= 10 ** (-2 / 20) + 1e-6


@pytest.mark.parametrize("channels", [1, 6])
def test_any_number_of_channels_is_limited_as_one(channels):
    sound = np.repeat(noise(2, 0.5)[:, :1], channels, axis=1)
    out = limited(sound)
    assert out.shape == sound.shape
    assert np.abs(out).max() <= 10 ** (-2 / 20) + 1e-6
    assert np.allclose(out, limited(np.repeat(sound[:, :1], 2, axis=1))[:, :1], atol=1e-6)


def test_both_sides_are_turned_together():
    sound = noise(1, 0.5)
    out = limited(sound)
    gain = out / np.where(sound == 0, 1, sound)
    assert np.allclose(gain[:, 0], gain[:, 1], atol=1e-3)


@pytest.mark.parametrize("count", [0, 1, 100])
def test_a_sound_shorter_than_the_look_ahead(count):
    sound = np.full((count, 2), 0.1, np.float32)
    assert np.array_equal(np.concatenate([*limit([sound]), np.zeros((0, 2), np.float32)]), sound)


def test_a_single_loud_sample_anywhere_about_a_blocks_edge():
    edge = 4800
    for place in range(edge - 300, edge + 300):
        sound = np.full((3 * edge, 2), 0.01, np.float32)
        sound[place] = 0.75  # near the ceiling, not above it
        out = np.concatenate(list(limit(iter(np.split(sound, 3)))))
        assert len(out) == len(sound)
        assert np.max(np.abs(out)) <= 10 ** (-2.0 / 20) + 1e-4


def test_what_rides_along_is_turned_down_with_the_others_and_turns_nothing_down():
    sound = noise(3, 0.05)
    sound[RATE : 2 * RATE] *= 12
    rider = np.full((len(sound), 1), 3.0, np.float32)
    out = np.concatenate(list(limit(in_blocks(np.hstack([sound, rider]), 977), riding=1)))
    assert np.array_equal(out[:, :2], limited(sound))
    loudest = np.abs(sound).max(axis=1) > 0.2
    assert np.allclose(out[loudest, 2] / 3.0, (out[loudest, 0] / sound[loudest, 0]), atol=0.001)
