"""Any source becomes 48 kHz FLAC of exactly the declared length, in time with its picture, or a clear failure."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from shared.errors import PermanentError
from tests.worker.media.conftest import TIMES
from tests.worker.media.sources import click_times, clicks, facts, ffmpeg, flash_times
from worker.media.audio import mono
from worker.media.ffmpeg import Decoded, decode_sound

MILLISECOND = 0.001


def decode(path: Path, out: Path, duration_seconds: float | None = None) -> Decoded:
    media = facts(path)
    sound = media.audio
    assert sound is not None
    return decode_sound(
        path, out, stream_index=sound.index, duration_seconds=duration_seconds or media.duration_seconds
    )


@pytest.mark.parametrize(
    ("name", "later"),
    [
        ("plain.mp4", 0.0),
        ("late.mp4", 1.5),
        ("edited.mp4", -0.7),
        ("vp9.mkv", 0.0),
        ("vp8.webm", 0.0),
        ("cover.mp3", 0.0),
        ("mono8k.wav", 0.0),
        ("surround.mka", 0.0),
    ],
)
def test_sound_is_where_a_player_plays_it(media: Path, tmp_path: Path, name: str, later: float) -> None:
    decoded = decode(media / name, tmp_path / "o.flac")
    samples, rate = soundfile.read(tmp_path / "o.flac", dtype="float32", always_2d=True)
    assert rate == decoded.rate == 48_000
    assert samples.shape == (decoded.samples, decoded.channels)
    assert decoded.samples == round(facts(media / name).duration_seconds * 48_000)
    assert click_times(mono(samples)) == pytest.approx([time + later for time in TIMES], abs=MILLISECOND)


@pytest.mark.parametrize(("name", "later"), [("plain.ts", 0.0), ("late.ts", 0.8), ("early.ts", -0.8)])
def test_a_transport_stream_starts_with_its_first_stream(media: Path, tmp_path: Path, name: str, later: float) -> None:
    """Its clock starts anywhere: the distance from sound to picture counts, and that the earlier of them is at 0."""
    decode(media / name, tmp_path / "o.flac")
    heard = click_times(soundfile.read(tmp_path / "o.flac", dtype="float32", always_2d=True)[0])
    seen = flash_times(media / name)
    offsets = [h - s for h, s in zip(heard, seen, strict=True)]
    begins = seen[0] - TIMES[0] - max(0.0, -later)  # the earlier stream's start on the file's own clock
    assert [offset + begins for offset in offsets] == pytest.approx([later] * 3, abs=0.03)
    assert heard == pytest.approx([time + max(0.0, later) for time in TIMES], abs=0.03)


def test_channels_stay_as_they_are_as_far_as_the_dub_can_have_them(media: Path, tmp_path: Path) -> None:
    assert decode(media / "mono8k.wav", tmp_path / "m.flac").channels == 1
    assert decode(media / "surround.mka", tmp_path / "s.flac").channels == 6
    sound, _ = soundfile.read(tmp_path / "s.flac", dtype="float32")
    assert np.abs(sound[:, 2]).max() > 0.1  # the voice is in the centre
    assert np.abs(sound[:, [0, 1, 3, 4, 5]]).max() < 0.01


def test_more_channels_than_six_are_mixed_down_to_them(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=440:duration=2", "-af", "pan=7.1|SL=c0|SR=c0|FC=c0", "-c:a", "flac",
           tmp_path / "seven.mka")  # fmt: skip
    assert decode(tmp_path / "seven.mka", tmp_path / "o.flac").channels == 6
    sound, _ = soundfile.read(tmp_path / "o.flac", dtype="float32")
    assert min(np.abs(sound[:, channel]).max() for channel in (2, 4, 5)) > 0.03


def test_short_sound_is_padded_and_said_to_be_short(media: Path, tmp_path: Path) -> None:
    decoded = decode(media / "mono8k.wav", tmp_path / "o.flac", 7.5)
    assert decoded.samples == soundfile.info(tmp_path / "o.flac").frames == 360_000
    assert decoded.decoded_seconds == pytest.approx(6.0, abs=0.001)


def test_sound_a_little_longer_than_declared_is_cut(media: Path, tmp_path: Path) -> None:
    assert decode(media / "plain.mp4", tmp_path / "o.flac", 5.5).decoded_seconds == pytest.approx(6.0, abs=0.05)
    assert soundfile.info(tmp_path / "o.flac").frames == 264_000


def failure(path: Path, out: Path, duration_seconds: float, index: int = 1) -> str:
    with pytest.raises(PermanentError) as caught:
        decode_sound(path, out, stream_index=index, duration_seconds=duration_seconds)
    assert str(out.parent) not in caught.value.message
    return caught.value.code


def test_much_longer_than_declared(media: Path, tmp_path: Path) -> None:
    assert failure(media / "plain.mp4", tmp_path / "o.flac", 4.0) == "duration_mismatch"


def test_no_sound(media: Path, tmp_path: Path) -> None:
    assert failure(media / "silent.mp4", tmp_path / "o.flac", 6.0) == "no_audio"
    assert failure(media / "empty.mkv", tmp_path / "o.flac", 6.0) == "no_audio"


@pytest.mark.parametrize("form", ["mp4", "mkv"])
def test_a_file_that_was_cut_short(media: Path, tmp_path: Path, form: str) -> None:
    """In the middle of a packet: a cut just between two passes ffmpeg in silence, and only the probe sees it."""
    whole = tmp_path / f"whole.{form}"
    # A sound that takes as much room as the picture, all along; seeded, so that the cut is always at the same place.
    noise = ("-f", "lavfi", "-i", "anoisesrc=d=6:a=0.1:seed=1")
    ffmpeg(
        "-i",
        media / "plain.mp4",
        *noise,
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-c:v",
        "copy",
        "-movflags",
        "+faststart",
        whole,
    )
    cut = tmp_path / f"cut.{form}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert failure(cut, tmp_path / "o.flac", 6.0) == "truncated"


def test_a_cut_mp4_without_its_index(media: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes((media / "plain.mp4").read_bytes()[:20_000])
    assert failure(cut, tmp_path / "o.flac", 6.0) == "media_unreadable"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{}\n#EXT-X-ENDLIST\n"),
        ("list.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{}\n#EXT-X-ENDLIST\n"),
        ("list.txt", "ffconcat version 1.0\nfile {}\n"),
        ("junk.mp4", "this is not a video\n" * 100),
        ("nothing.mp4", ""),
    ],
)
def test_playlists_and_what_is_not_media_are_refused(media: Path, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "plain.ts").write_bytes((media / "plain.ts").read_bytes())
    (tmp_path / name).write_text(text.format("plain.ts"))
    assert failure(tmp_path / name, tmp_path / "o.flac", 6.0) == "media_unreadable"


def test_a_gap_in_the_middle_stays(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "c.wav", clicks(6, (1, 5)), 48_000)
    hole = "aselect='lt(t,2)+gte(t,4)'"
    ffmpeg("-i", tmp_path / "c.wav", "-af", hole, "-c:a", "pcm_s16le", tmp_path / "gap.mkv")
    decode(tmp_path / "gap.mkv", tmp_path / "o.flac", 6.0)
    samples = soundfile.read(tmp_path / "o.flac", dtype="float32", always_2d=True)[0]
    assert click_times(samples) == pytest.approx([1, 5], abs=MILLISECOND)
