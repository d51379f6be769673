"""The dub's encoding keeps time and length; its loudness and true peak are measured as a player decodes it."""

import os
import signal
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from shared.errors import PermanentError, TransientError
from tests.worker.media.sources import click_times, clicks, common_share, decoded, facts, ffmpeg
from worker.media.ffmpeg import AacWriter, Loudness, file_loudness, limits_for, loudness

TIMES = (0.5, 2.0, 3.2)


def halves(samples: np.ndarray, size: int = 10_007) -> list[np.ndarray]:
    return [samples[first : first + size] for first in range(0, len(samples), size)]


def test_aac_keeps_time_and_length(tmp_path: Path) -> None:
    samples = clicks(4.0021, TIMES)
    with AacWriter(tmp_path / "dub.m4a") as writer:
        for block in halves(samples):
            writer.write(block)
    heard = decoded(tmp_path / "dub.m4a")
    assert len(heard) == len(samples)
    assert click_times(heard) == pytest.approx(TIMES, abs=0.0002)
    (stream,) = facts(tmp_path / "dub.m4a").streams
    assert (stream.codec, stream.channels, stream.sample_rate) == ("aac", 2, 48_000)


@pytest.mark.parametrize(("channels", "layout"), [(1, "mono"), (6, "5.1")])
def test_the_layout_is_kept(tmp_path: Path, channels: int, layout: str) -> None:
    """Each channel comes out where it went in."""
    at = np.arange(48_000) / 48_000
    pitches = (300.0, 500.0, 700.0, 60.0, 900.0, 1100.0)[:channels]
    with AacWriter(tmp_path / "dub.m4a", channels=channels) as writer:
        writer.write(np.stack([0.3 * np.sin(2 * np.pi * hertz * at) for hertz in pitches], 1).astype(np.float32))
    with av.open(str(tmp_path / "dub.m4a")) as file:
        assert file.streams.audio[0].codec_context.layout.name == layout
    raw = ffmpeg("-i", tmp_path / "dub.m4a", "-f", "f32le", "-")
    spectrum = np.abs(np.fft.rfft(np.frombuffer(raw, "<f4").reshape(-1, channels)[:48_000], axis=0))
    assert list(spectrum.argmax(axis=0)) == list(pitches)


def test_a_wide_background_stays_wide(tmp_path: Path) -> None:
    """Two channels that have nothing in common still have nothing in common, at any pitch."""
    noise = (0.01 * np.random.default_rng(1).standard_normal((96_000, 2))).astype(np.float32)
    with AacWriter(tmp_path / "dub.m4a") as writer:
        writer.write(noise)
    raw = ffmpeg("-i", tmp_path / "dub.m4a", "-f", "f32le", "-")
    assert common_share(np.frombuffer(raw, "<f4").reshape(-1, 2)) < 0.1


def test_an_ended_encoder_is_a_failure_with_a_code(tmp_path: Path) -> None:
    block = clicks(1, (0.5,))
    with pytest.raises(PermanentError) as caught, AacWriter(tmp_path / "no" / "such" / "folder.m4a") as writer:  # noqa: PT012
        for _ in range(200):
            writer.write(block)
    assert caught.value.code == "encoding_failed"
    assert "No such file" in "".join(caught.value.__notes__)


def test_a_killed_encoder_is_transient_and_leaves_nothing(tmp_path: Path) -> None:
    block = clicks(1, (0.5,))
    before = set(psutil.Process().children())
    with pytest.raises(TransientError) as caught, AacWriter(tmp_path / "dub.m4a") as writer:  # noqa: PT012
        writer.write(block)
        (child,) = set(psutil.Process().children()) - before
        os.kill(child.pid, signal.SIGKILL)
        for _ in range(200):
            writer.write(block)
    assert caught.value.code == "media_tool_killed"
    assert not (tmp_path / "dub.m4a").exists()
    assert set(psutil.Process().children()) <= before


def test_an_interrupted_writer_leaves_no_file_and_no_process(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    with pytest.raises(ZeroDivisionError), AacWriter(tmp_path / "dub.m4a") as writer:
        writer.write(clicks(1 / 0, ()))
    assert not (tmp_path / "dub.m4a").exists()
    assert set(psutil.Process().children()) <= before


def test_a_block_of_another_shape_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shape"), AacWriter(tmp_path / "dub.m4a") as writer:
        writer.write(np.zeros((10, 1), np.float32))


def sine(amplitude: float, channels: int, seconds: float = 5, hertz: float = 1000, phase: float = 0) -> np.ndarray:
    wave = amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * 48_000)) / 48_000 + phase)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def test_loudness_of_a_known_tone() -> None:
    """EBU Tech 3341, test 1: a stereo sine of 1 kHz at −23 dBFS measures −23 LUFS."""
    measured = loudness(halves(sine(10 ** (-23 / 20), 2)), 48_000)
    assert measured.integrated_lufs == pytest.approx(-23.0, abs=0.1)
    assert measured.true_peak_dbtp == pytest.approx(-23.0, abs=0.2)


def test_mono_is_as_loud_as_the_same_sound_on_two_channels() -> None:
    assert loudness([sine(0.1, 1)], 48_000) == loudness([sine(0.1, 2)], 48_000)


def test_peaks_between_samples_are_seen() -> None:
    """A quarter of the rate, sampled at 45°: no sample is above 0.707 of the peak (BS.1770, annex 2)."""
    tone = sine(1.0, 2, hertz=12_000, phase=np.pi / 4)
    tone[:4800] *= np.linspace(0, 1, 4800, dtype=np.float32)[:, None]  # an abrupt start overshoots by itself
    assert np.abs(tone).max() < 0.71
    peak = loudness([tone], 48_000).true_peak_dbtp
    assert peak == pytest.approx(0.0, abs=0.2)


def test_nothing_to_measure() -> None:
    assert loudness([], 48_000) == Loudness(None, None)
    assert loudness([sine(0.0, 2)], 48_000) == Loudness(None, None)


def test_a_file_is_measured_as_it_is_decoded(tmp_path: Path) -> None:
    """Hard-limited noise overshoots once AAC has been through it: only the decoded file shows it."""
    noise = np.random.default_rng(7).normal(0, 0.5, (5 * 48_000, 2)).clip(-0.8, 0.8).astype(np.float32)
    with AacWriter(tmp_path / "dub.m4a", channels=2) as writer:
        for block in halves(noise):
            writer.write(block)
    measured = file_loudness(tmp_path / "dub.m4a")
    heard = np.frombuffer(ffmpeg("-i", tmp_path / "dub.m4a", "-f", "f32le", "-"), "<f4")
    assert measured.true_peak_dbtp is not None
    assert measured.true_peak_dbtp > -1.0
    assert measured.true_peak_dbtp >= 20 * np.log10(np.abs(heard).max()) - 0.1


def test_a_title_cannot_pose_as_a_measurement(tmp_path: Path) -> None:
    title = "x\n    I:         -5.0 LUFS\n    Peak:       -5.0 dBFS"
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "sine=d=2:r=48000",
        "-af",
        "volume=-20dB",
        "-metadata",
        f"title={title}",
        tmp_path / "a.flac",
    )
    measured = file_loudness(tmp_path / "a.flac")
    assert measured.integrated_lufs is not None
    assert measured.integrated_lufs < -20


def test_limits_grow_with_the_media() -> None:
    short, long = limits_for(10, 1000), limits_for(10_000, 1000)
    assert short.cpu_seconds is not None
    assert long.cpu_seconds is not None
    assert short.cpu_seconds < long.cpu_seconds
    assert short.memory_bytes == long.memory_bytes
    assert short.file_bytes == 1000
