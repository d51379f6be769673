import numpy as np
import pytest
import soundfile

from shared.errors import PermanentError
from worker.media.line import trim_and_fade


def speech(rate, seconds=1.0, level=0.3):
    return (level * np.sin(2 * np.pi * 180 * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def silence(rate, seconds):
    return np.zeros(int(rate * seconds), np.float32)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_silence_around_the_speech_goes_and_the_speech_stays(rate):
    spoken = speech(rate)
    line = trim_and_fade(np.concatenate([silence(rate, 0.4), spoken, silence(rate, 0.7)]), rate)
    assert 1.0 <= len(line) / rate <= 1.05
    assert np.sum(line**2) >= 0.999 * np.sum(spoken**2)
    assert line[0] == line[-1] == 0.0


def test_a_pause_inside_stays():
    rate = 16_000
    line = trim_and_fade(np.concatenate([speech(rate), silence(rate, 0.6), speech(rate)]), rate)
    assert len(line) == round(2.6 * rate)


def test_a_weak_ending_is_not_taken_for_silence():
    rate = 16_000
    line = trim_and_fade(np.concatenate([speech(rate), speech(rate, 0.2, level=0.004), silence(rate, 0.5)]), rate)
    assert len(line) / rate >= 1.2


def test_a_breath_before_the_first_word_goes():
    rate = 16_000
    breath = np.random.default_rng(1).standard_normal(round(0.15 * rate)).astype(np.float32) * np.float32(0.001)
    assert len(trim_and_fade(np.concatenate([breath, speech(rate)]), rate)) / rate <= 1.03


@pytest.mark.parametrize("count", [1, 5, 200, 3000])
def test_a_sound_however_short_is_kept_with_all_its_samples(count):
    assert len(trim_and_fade(np.full(count, 0.5, np.float32), 22_050)) == count


def test_speech_over_full_scale_is_turned_down_whole(tmp_path):
    loud, soft = (trim_and_fade(speech(16_000, level=level), 16_000) for level in (2.5, 0.25))
    soundfile.write(tmp_path / "line.flac", loud, 16_000, subtype="PCM_16", format="FLAC")
    kept, _ = soundfile.read(tmp_path / "line.flac", dtype="float32")
    assert np.max(np.abs(kept - soft / np.max(soft))) < 1e-3


def test_what_was_given_is_not_changed():
    given = speech(16_000)
    before = given.copy()
    trim_and_fade(given, 16_000)
    assert np.array_equal(given, before)


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(16_000), np.full(16_000, 0.0005), np.full(100, np.nan)])
def test_silence_only_is_an_error_that_names_the_way_out(sound):
    with pytest.raises(PermanentError, match="another voice") as refused:
        trim_and_fade(sound.astype(np.float32), 16_000)
    assert refused.value.code == "empty_speech"
