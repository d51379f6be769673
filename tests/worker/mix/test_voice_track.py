import numpy as np
import pytest
import soundfile

from worker.media import voice_track


def clip(count, level=0.5, seed=1):
    return np.random.default_rng(seed).uniform(-level, level, count).astype(np.float32)


def test_every_line_is_at_its_place_and_whole(tmp_path):
    placed = [(0.0, clip(1000)), (0.5, clip(70_000, seed=2)), (7.25, clip(48_000, seed=3))]
    voice_track.write(tmp_path / "voice.flac", iter(placed), 400_001)
    track, rate = soundfile.read(tmp_path / "voice.flac", dtype="float32")
    wanted = np.zeros(400_001, np.float32)
    for start, samples in placed:
        wanted[round(start * 48_000) :][: len(samples)] = samples
    assert (rate, len(track), soundfile.info(tmp_path / "voice.flac").subtype) == (48_000, 400_001, "PCM_16")
    assert np.max(np.abs(track - wanted)) < 2 / 32_768


def test_no_lines_make_silence_of_the_right_length(tmp_path):
    voice_track.write(tmp_path / "voice.flac", [], 123_457)
    track, _ = soundfile.read(tmp_path / "voice.flac")
    assert len(track) == 123_457
    assert not track.any()


def test_a_line_that_peaks_over_full_scale_is_scaled_whole(tmp_path):
    loud = clip(4_000, level=1.8)
    voice_track.write(tmp_path / "voice.flac", [(0.0, loud), (0.1, clip(4_000))], 9_000)
    track, _ = soundfile.read(tmp_path / "voice.flac", dtype="float32")
    assert np.max(np.abs(track[:4_000] - loud / np.max(np.abs(loud)))) < 2 / 32_768
    assert np.max(np.abs(track[4_800:8_800] - clip(4_000))) < 2 / 32_768


def test_lines_that_sound_together_are_added(tmp_path):
    long, short, after = clip(60_000, 0.4), clip(10_000, 0.4, seed=2), clip(30_000, 0.4, seed=3)
    voice_track.write(tmp_path / "voice.flac", [(0.0, long), (0.5, short), (1.0, after)], 96_000)
    track, _ = soundfile.read(tmp_path / "voice.flac", dtype="float32")
    wanted = np.zeros(96_000, np.float32)
    for first, samples in ((0, long), (24_000, short), (48_000, after)):
        wanted[first : first + len(samples)] += samples
    assert np.max(np.abs(track - wanted)) < 2 / 32_768


def test_two_loud_lines_together_are_not_clipped():
    one, other = np.full(1_000, 0.7, np.float32), np.full(1_000, 0.9, np.float32)
    track = np.concatenate(list(voice_track.laid([(0.0, one), (0.01, other)], 2_000)))
    assert np.max(np.abs(track)) <= 1.0
    assert np.allclose(track[1_000:1_480], 0.3)


@pytest.mark.parametrize(
    ("starts", "message"), [((0.5, 0.4), "begins before"), ((0.0, 3.5), "past the end"), ((-0.1, 2.0), "begins before")]
)
def test_a_plan_that_breaks_its_promise_is_refused(tmp_path, starts, message):
    with pytest.raises(ValueError, match=message):
        voice_track.write(tmp_path / "voice.flac", [(start, clip(48_000)) for start in starts], 4 * 48_000)
