import numpy as np
import pytest
import soundfile

from worker.media import room_tone

RATE = 48_000


def hiss(seconds, level_db, seed=1):
    white = np.random.default_rng(seed).normal(0, 1, int(seconds * RATE))
    brown = np.convolve(white, 0.9 ** np.arange(60), "same")
    return (brown * 10 ** (level_db / 20) / np.sqrt(np.mean(brown**2))).astype(np.float32)


def level_db(sound):
    return 10 * np.log10(np.mean(np.square(sound)))


def written(sound, tmp_path):
    soundfile.write(tmp_path / "source.flac", sound, RATE, subtype="PCM_24")
    return tmp_path / "source.flac"


def floor_of(sound, tmp_path):
    return room_tone.floor(written(sound, tmp_path))


def test_the_tone_is_the_rooms_and_not_the_music_over_it(tmp_path):
    room = hiss(40, -62)
    music = sum(0.1 * np.sin(2 * np.pi * pitch * np.arange(len(room)) / RATE) for pitch in (220, 277.2, 329.6))
    music *= np.arange(len(room)) / RATE % 4 < 3
    tone = room_tone.loop(room_tone.missing(floor_of(room + music, tmp_path), None))
    assert level_db(tone) == pytest.approx(-62, abs=1.5)
    spectrum = np.abs(np.fft.rfft(tone[:, 0])) ** 2
    low, high = spectrum[500 * 5 : 2_000 * 5].mean(), spectrum[10_000 * 5 : 12_000 * 5].mean()
    ours = np.abs(np.fft.rfft(room[: len(tone)])) ** 2
    assert 10 * np.log10(low / high) == pytest.approx(
        10 * np.log10(ours[500 * 5 : 2_000 * 5].mean() / ours[10_000 * 5 : 12_000 * 5].mean()), abs=3
    )


def even(channels):
    """A room of unlike channels, as loud at each frequency."""
    return np.broadcast_to(1e-9 * np.eye(channels), (1025, channels, channels))


def test_the_loop_has_no_seam_and_its_sides_differ():
    tone = room_tone.loop(even(2))
    twice = np.concatenate([tone, tone])
    edge = np.abs(np.diff(twice[len(tone) - 50 : len(tone) + 50, 0])).max()
    assert edge <= np.abs(np.diff(tone[:, 0])).max()
    assert abs(np.corrcoef(tone.T)[0, 1]) < 0.05


def test_the_tones_channels_are_as_loud_and_as_alike_as_the_rooms(tmp_path):
    room, own = hiss(30, -60), hiss(30, -70, seed=2)
    tone = room_tone.loop(floor_of(np.stack([room, room / 2, np.zeros_like(room), own], 1), tmp_path))
    levels = [level_db(side) for side in tone[:, [0, 1, 3]].T]
    assert levels == pytest.approx([-60, -66, -70], abs=2.5)
    assert np.abs(tone[:, 2]).max() < 1e-9
    assert np.corrcoef(tone[:, [0, 1, 3]].T)[0, 1:] == pytest.approx([1, 0], abs=0.1)


@pytest.mark.parametrize(("share", "channels"), [(0.35, 1), (1.0, 1), (1.0, 2), (0.35, 6)])
def test_the_tone_is_as_loud_as_the_noise_however_much_of_it_is_bare(share, channels, tmp_path):
    room = np.stack([hiss(30, -50, seed) for seed in range(channels)], 1)
    spoken = np.arange(len(room)) / RATE % 4 >= 4 * share
    speech = 0.1 * spoken * np.random.default_rng(30).normal(0, 1, len(room))
    tone = room_tone.loop(floor_of(room + speech[:, np.newaxis], tmp_path))
    assert [level_db(side) for side in tone.T] == pytest.approx([-50] * channels, abs=1.5)


def test_sound_that_starts_late_has_its_room_too(tmp_path):
    late = np.concatenate([np.zeros(3 * RATE), hiss(20, -50)])
    assert level_db(room_tone.loop(floor_of(late, tmp_path))) == pytest.approx(-50, abs=1.5)


@pytest.mark.parametrize("swell", [0, 0.5])
def test_what_never_ends_and_is_no_noise_is_not_the_rooms(swell, tmp_path):
    time = np.arange(30 * RATE) / RATE
    organ = np.sin(np.pi * time / 4 % np.pi) ** swell * sum(
        np.sin(2 * np.pi * pitch * time) for pitch in (50, 110, 220, 277.2, 329.6)
    )
    assert level_db(room_tone.loop(floor_of(0.01 * organ, tmp_path))) < -75


def test_what_a_bed_brings_of_the_floor_is_not_added_again(tmp_path):
    floor = floor_of(hiss(20, -60), tmp_path)
    assert not room_tone.missing(floor, floor).any()
    lacking = room_tone.power_of(room_tone.missing(floor, floor / 4))
    assert np.sum(lacking) == pytest.approx(0.75 * np.sum(room_tone.power_of(floor)))


def test_a_roaring_room_is_kept_low_and_a_silent_one_silent(tmp_path):
    loud = room_tone.missing(floor_of(hiss(10, -20), tmp_path), None)
    assert 10 * np.log10(np.sum(room_tone.power_of(loud))) == pytest.approx(room_tone.LOUDEST_DBFS)
    assert not room_tone.missing(floor_of(np.zeros(RATE * 5), tmp_path), None).any()
    assert not room_tone.floor(tmp_path / "source.flac").any()


def test_a_long_file_takes_no_more_looks_than_fit_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(room_tone, "MOST_LOOKS", 25)
    room = hiss(40, -60)
    assert 20 <= len(list(room_tone._looks(written(room, tmp_path)))) <= 25
    assert level_db(room_tone.loop(room_tone.floor(written(room, tmp_path)))) == pytest.approx(-60, abs=3)


def test_it_lies_under_blocks_of_any_size():
    tone = room_tone.loop(even(1))
    sizes = (7, 100_000, len(tone), 3)
    out = np.concatenate(list(room_tone.under((np.zeros((size, 1), np.float32) for size in sizes), tone)))
    wanted = np.concatenate([tone] * 3)[: sum(sizes)]
    assert np.array_equal(out, wanted)


def test_a_file_too_short_to_look_at_has_no_floor(tmp_path):
    assert not floor_of(np.zeros(100), tmp_path).any()


@pytest.mark.parametrize("looks", [0, 1, 2, 3])
def test_a_file_of_few_looks_has_a_tone_or_none_and_no_trouble(looks, tmp_path):
    size = 2 * room_tone.FRAME + round((looks - 1) * room_tone.EVERY_SECONDS * RATE) if looks else room_tone.FRAME
    path = written(hiss(1, -60)[:size], tmp_path)
    assert len(list(room_tone._looks(path))) == looks
    with np.errstate(invalid="raise", divide="raise"):
        tone = room_tone.loop(room_tone.floor(path))
    assert np.mean(np.square(tone)) < 1e-5
