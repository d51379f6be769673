from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.media.limiter import limit
from worker.media.meter import lufs, measured
from worker.media.mix import Room, depth_db, duck_spans, ducking_gain, mix_blocks, restored, room_gain

RATE = 48_000
spans = st.lists(
    st.tuples(st.floats(0, 60), st.floats(0.1, 8)).map(lambda at: (round(at[0], 3), round(at[0] + at[1], 3))),
    max_size=12,
)


def music(seconds, channels=2):
    at = np.arange(int(seconds * RATE)) / RATE
    chords = [(220, 277.2, 329.6), (220, 261.6, 329.6)][:channels]
    sides = [0.05 * sum(np.sin(2 * np.pi * pitch * at) for pitch in chord) for chord in chords]
    return np.stack(sides, 1).astype(np.float32)


def voice(seconds, *at):
    track = np.zeros((int(seconds * RATE), 1), np.float32)
    for start, end in at:
        first, last = round(start * RATE), round(end * RATE)
        track[first:last, 0] = np.random.default_rng(first).normal(0, 0.1, last - first)
    return track


def in_blocks(sound, size):
    return (sound[at : at + size] for at in range(0, len(sound), size))


def mixed(bed, spoken, where=(), background="duck", gain_db=0.0, bed_size=RATE, voice_size=RATE, channels=2, room=None):
    blocks = mix_blocks(
        in_blocks(bed, bed_size),
        in_blocks(spoken, voice_size),
        ducking_gain(where, -18.0),
        voice_gain_db=gain_db,
        background=background,
        channels=channels,
        room=room,
    )
    return np.concatenate(list(blocks))


def gains(envelope, first, count):
    """One for each sample."""
    return np.broadcast_to(envelope.gain(first, count)[:, 0], count)


def decibels(envelope, seconds):
    return 20 * np.log10(gains(envelope, 0, round(seconds * RATE)))


@given(spans, spans)
def test_the_key_covers_all_speech_and_holds_through_short_gaps(source, dub):
    key = duck_spans(source, dub, 50.0)
    for start, end in (*source, *dub):
        if start < min(end, 50.0):
            assert any(first <= start and min(end, 50.0) <= last for first, last in key)
    assert all(following[0] - one[1] >= 1.0 for one, following in pairwise(key))
    assert all(0 <= first < last <= 50.0 for first, last in key)


@given(spans)
def test_the_gain_is_down_under_all_speech_and_turns_at_most_once_in_a_second_and_a_half(some):
    envelope = ducking_gain(duck_spans(some, (), 70.0), -18.0)
    times, levels = envelope.samples / RATE, envelope.decibels
    assert np.all(np.diff(times) > 0)
    turns = [at for at, one, following in zip(times, levels, levels[1:], strict=False) if one != following]
    assert all(following - one >= 1.5 - 1e-9 for one, following in pairwise(turns))
    for start, end in some:
        inside = np.linspace(start, end, 50)
        assert np.all(np.interp(inside, times, levels) <= -18.0 + 1e-6)


@given(spans)
def test_a_second_from_any_speech_the_background_is_itself(some):
    """Where gaps leave the room: two short lines less than 2.6 s apart can't both, so there the gain holds."""
    key = duck_spans(some, (), 70.0)
    if any(following[0] - one[1] < 2.6 for one, following in pairwise(key)):
        return
    envelope = ducking_gain(key, -18.0)
    clear = [at for at in np.arange(0, 70, 0.01) if all(at <= start - 1 or at >= end + 1 for start, end in key)]
    if key and clear:
        assert np.all(np.interp(clear, envelope.samples / RATE, envelope.decibels) >= -0.2)


def test_attack_before_release_after():
    level = decibels(ducking_gain([(3.0, 6.0)], -18.0), 10)
    assert level[round(2.89 * RATE)] == 0.0
    assert np.allclose(level[3 * RATE : 6 * RATE], -18.0, atol=1e-4)
    assert level[round(6.51 * RATE)] == 0.0


@pytest.mark.parametrize("size", [1_000, 48_000, 77_777])
def test_the_gain_is_the_same_in_blocks_of_any_size(size):
    envelope = ducking_gain([(0.05, 1.0), (4.0, 5.5)], -18.0)
    count = 8 * RATE
    blocks = [gains(envelope, first, min(size, count - first)) for first in range(0, count, size)]
    assert np.array_equal(np.concatenate(blocks), gains(envelope, 0, count))


def test_the_rooms_own_tone_keeps_the_level_of_a_bed_that_goes_down_but_for_lines():
    bed, room = (np.random.default_rng(seed).normal(0, 0.01, (20 * RATE, 2)).astype(np.float32) for seed in (1, 2))
    spoken, where = np.zeros((len(bed), 1), np.float32), [(5.0, 9.0), (12.0, 15.0)]
    tone = Room(room[: 3 * RATE], room_gain([(5.0, 7.0), (12.0, 13.0)]))
    filled = mixed(bed, spoken, where, room=tone, voice_size=7_777)
    levels = 20 * np.log10([np.sqrt(np.mean(np.square(piece))) for piece in np.split(filled, 100)])
    within = np.r_[26:34, 61:64]
    assert levels[within] == pytest.approx(-58, abs=0.5)
    edges = np.r_[25, 34, 60, 64]
    assert np.delete(levels, [*within, *edges]) == pytest.approx(-40, abs=0.3)
    away = np.r_[0 : 4 * RATE, 16 * RATE : 20 * RATE]
    assert np.array_equal(filled[away], bed[away])
    assert np.array_equal(mixed(bed, spoken, where, "keep", room=tone), bed)


def test_a_second_from_speech_the_bed_comes_through_mix_and_limiter_untouched():
    bed, spoken = music(20), voice(20, (8, 11))
    out = np.concatenate(list(limit(in_blocks(mixed(bed, spoken, [(8, 11)], gain_db=14.0), RATE))))
    clear = np.r_[0 : 7 * RATE, 12 * RATE : 20 * RATE]
    assert np.array_equal(out[clear], bed[clear])
    assert np.abs(out).max() <= 10 ** (-2 / 20) + 1e-6


def test_the_original_voice_is_fifteen_decibels_under_the_dub():
    original, spoken = np.repeat(voice(10, (2, 8)), 2, axis=1), voice(10, (2, 7.5))
    ducked = mixed(original, voice(10), [(2, 8)])[2 * RATE : 8 * RATE]
    dub = mixed(music(10) * 0, spoken)[2 * RATE : 8 * RATE]
    assert 10 * np.log10(np.mean(dub**2) / np.mean(ducked**2)) >= 15


@pytest.mark.parametrize(
    ("source", "dub", "depth"),
    [(-20.0, -20.0, -18.0), (-12.0, -16.0, -22.0), (-30.0, -27.0, -18.0), (None, -20.0, -18.0)],
)
def test_a_source_louder_than_the_dub_is_ducked_deeper(source, dub, depth):
    assert depth_db(source, dub) == depth


def test_kept_background_stays_at_its_level_and_dropped_background_is_silent():
    bed, spoken = music(4), voice(4, (1, 2))
    assert np.allclose(mixed(bed, spoken, [(1, 2)], "keep"), bed + spoken, atol=1e-7)
    assert np.array_equal(mixed(bed, spoken, [(1, 2)], "drop"), np.repeat(spoken, 2, axis=1))


def test_a_mono_bed_is_on_both_sides_and_blocks_need_not_match():
    bed, spoken = music(4, channels=1), voice(4, (1, 2))
    whole = mixed(bed, spoken, [(1, 2)])
    assert np.array_equal(whole[:, 0], whole[:, 1])
    assert np.array_equal(mixed(bed[:, 0], spoken, [(1, 2)], bed_size=1_234, voice_size=70_001), whole)


@pytest.mark.parametrize("bed_seconds", [0, 2, 7])
def test_the_mix_is_as_long_as_the_voice_track(bed_seconds):
    assert mixed(music(bed_seconds), voice(4, (1, 2))).shape == (4 * RATE, 2)


def test_a_value_that_is_no_number_is_silence():
    bed, spoken = music(2), voice(2, (0.5, 1))
    bed[100], spoken[70_000], spoken[0] = np.nan, np.inf, np.nan
    out = mixed(bed, spoken)
    assert np.all(np.isfinite(out))
    assert not out[100].any()


def test_the_voice_gain_is_the_voices_alone():
    bed, spoken = music(2), voice(2, (0.5, 1))
    assert np.allclose(mixed(bed, spoken, gain_db=6.0), bed + spoken * 10 ** (6 / 20), atol=1e-6)


def test_mono_stays_mono():
    bed, spoken = music(2, channels=1), voice(2, (0.5, 1))
    assert np.allclose(mixed(bed, spoken, channels=1), bed + spoken, atol=1e-6)


def test_in_surround_the_voice_is_in_the_centre_alone_and_as_loud_as_on_both_sides_of_stereo():
    bed, spoken = np.repeat(music(2, channels=1), 6, axis=1), voice(2, (0.5, 1))
    out = mixed(bed, spoken, background="keep", channels=6)
    assert np.array_equal(np.delete(out, 2, 1), np.delete(bed, 2, 1))
    assert np.allclose(out[:, 2], bed[:, 2] + spoken[:, 0] * 2**0.5, atol=1e-6)
    stereo, surround = mixed(bed[:, :2] * 0, spoken), mixed(bed * 0, spoken, channels=6)
    assert lufs(measured([stereo])) == pytest.approx(lufs(measured([surround])), abs=0.01)
    assert lufs(measured([stereo])) == pytest.approx(lufs(measured([spoken])), abs=0.01)


@pytest.mark.parametrize(("given", "wanted"), [(1, 2), (1, 6), (2, 6), (6, 2), (2, 1), (6, 1)])
def test_a_bed_of_another_layout_is_made_to_fit(given, wanted):
    bed = np.repeat(music(2, channels=1), given, axis=1)
    out = mixed(bed, voice(2), background="keep", channels=wanted)
    assert out.shape == (2 * RATE, wanted)
    assert np.abs(out).max() >= 0.4 * np.abs(bed).max()


@pytest.mark.parametrize("size", [1_000, RATE, 77_777])
def test_what_sings_unwritten_stays_as_it_was_and_nothing_clicks(size):
    original, bed = music(6) + 0.02, music(6)
    blocks = restored(in_blocks(bed, RATE), in_blocks(original, size), [(2.0, 3.0)])
    out = np.concatenate(list(blocks))
    assert np.allclose(out[2 * RATE : 3 * RATE], original[2 * RATE : 3 * RATE], atol=1e-7)
    assert np.array_equal(out[: int(1.89 * RATE)], bed[: int(1.89 * RATE)])
    assert np.array_equal(out[int(3.11 * RATE) :], bed[int(3.11 * RATE) :])
    assert np.abs(np.diff(out - bed, axis=0)).max() < 1e-4
