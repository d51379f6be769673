"""PCM in blocks."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PermanentError
from tests.worker.media.sources import click_times, clicks
from worker.media.audio import blocks, exactly, read_mono, read_span, resampled_mono, write_flac
from worker.media.loudness import amplitude, decibels, gain_db, speech_only, target_lufs


def test_what_is_written_in_blocks_reads_back_in_blocks(tmp_path: Path) -> None:
    samples = clicks(3.3, (1, 2))
    assert write_flac(tmp_path / "a.flac", np.array_split(samples, 7), 48_000, 2) == len(samples)
    assert soundfile.info(tmp_path / "a.flac").subtype == "PCM_16"
    read = list(blocks(tmp_path / "a.flac", 10_000))
    assert {len(block) for block in read[:-1]} == {10_000}
    assert np.allclose(np.concatenate(read), samples, atol=1 / 32_000)
    assert read[0].dtype == np.float32


def test_too_loud_is_clipped_and_does_not_wrap(tmp_path: Path) -> None:
    write_flac(tmp_path / "a.flac", [np.full((100, 1), 1.7, np.float32)], 48_000, 1)
    assert next(blocks(tmp_path / "a.flac")).min() > 0.99


@pytest.mark.parametrize("rate", [16_000, 22_050])
def test_resampling_keeps_time_and_length(tmp_path: Path, rate: int) -> None:
    samples = clicks(5, (0.5, 2.5, 4.25))
    write_flac(tmp_path / "a.flac", [samples], 48_000, 2)
    mono = np.concatenate(list(resampled_mono(tmp_path / "a.flac", rate, 0.7)))
    assert mono.dtype == np.float32
    assert mono.ndim == 1
    assert len(mono) == pytest.approx(5 * rate, abs=1)
    again = np.interp(np.arange(5 * 48_000) / 48_000, np.arange(len(mono)) / rate, mono)
    assert click_times(again.astype(np.float32)) == pytest.approx([0.5, 2.5, 4.25], abs=0.0005)


def test_spans_are_cut_at_the_ends_of_the_file(tmp_path: Path) -> None:
    samples = clicks(2, (1,), channels=1)
    write_flac(tmp_path / "a.flac", [samples], 48_000, 1)
    assert np.allclose(read_span(tmp_path / "a.flac", 0.9, 1.1), samples[43_200:52_800], atol=1 / 32_000)
    assert read_span(tmp_path / "a.flac", 1.5, 9).shape == (24_000, 1)
    assert read_span(tmp_path / "a.flac", -1, 0.5).shape == (24_000, 1)
    assert read_span(tmp_path / "a.flac", 5, 6).shape == (0, 1)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_stretch_is_read_as_mono_at_another_rate(tmp_path: Path, rate: int) -> None:
    write_flac(tmp_path / "a.flac", [clicks(5, (0.5, 2.5, 4.25))], 48_000, 2)
    mono = read_mono(tmp_path / "a.flac", 2.0, 4.5, rate)
    assert mono.dtype == np.float32
    assert len(mono) == pytest.approx(2.5 * rate, abs=1)
    again = np.interp(np.arange(2.5 * 48_000) / 48_000, np.arange(len(mono)) / rate, mono)
    assert click_times(again.astype(np.float32)) == pytest.approx([0.5, 2.25], abs=0.0005)
    assert len(read_mono(tmp_path / "a.flac", 4.5, 9, rate)) == pytest.approx(0.5 * rate, abs=1)
    assert not len(read_mono(tmp_path / "a.flac", 6, 9, rate))


def test_a_place_that_does_not_exist_and_a_file_that_is_not_sound(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_flac(tmp_path / "no" / "a.flac", [], 48_000, 1)
    (tmp_path / "a.flac").write_text("not a sound")
    with pytest.raises(PermanentError) as caught:
        next(blocks(tmp_path / "a.flac"))
    assert caught.value.code == "media_unreadable"


@given(st.lists(st.integers(0, 3000), max_size=5), st.integers(0, 60_000))
def test_exactly_is_exact(lengths: list[int], frames: int) -> None:
    total = np.concatenate([exactly_in := np.zeros((0, 1), np.int16)])
    total = np.arange(sum(lengths), dtype=np.int16)[:, None]
    cut = np.split(total, np.cumsum(lengths)[:-1]) if lengths else [exactly_in]
    out = np.concatenate([np.zeros((0, 1), np.int16), *exactly(cut, frames, 1)])
    assert len(out) == frames
    kept = min(frames, len(total))
    assert (out[:kept] == total[:kept]).all()
    assert not out[kept:].any()


SPANS = st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)).map(lambda ends: (min(ends), max(ends))), max_size=6)


@given(SPANS, st.integers(1, 700))
def test_speech_only_passes_each_sample_of_the_spans_once(spans: list[tuple[float, float]], size: int) -> None:
    rate, samples = 50, np.arange(1000, dtype=np.float32)[:, None]
    inside = np.zeros(1000, bool)
    for start, end in spans:
        inside[round(start * rate) : round(end * rate)] = True
    cut = [samples[first : first + size] for first in range(0, 1000, size)]
    passed = [*speech_only(cut, spans, rate), np.zeros((0, 1), np.float32)]
    assert np.concatenate(passed)[:, 0].tolist() == samples[inside, 0].tolist()


@given(st.one_of(st.none(), st.floats(-70, 5)))
def test_dialogue_is_never_aimed_outside_of_the_range(source: float | None) -> None:
    assert -27.0 <= target_lufs(source) <= -16.0
    if source is not None and -27 <= source <= -16:
        assert target_lufs(source) == source


@given(st.floats(-60, 20))
def test_decibels_and_amplitudes_agree(gain: float) -> None:
    assert decibels(amplitude(gain)) == pytest.approx(gain, abs=1e-6)
    assert gain_db(-30.0, -30.0 + gain) == pytest.approx(gain)


def test_nothing_measured_gets_no_gain() -> None:
    assert gain_db(None, -20.0) == 0.0
    assert decibels(0.0) == float("-inf")
