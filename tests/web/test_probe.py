"""The probe: what it finds, and what it refuses."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import AppError
from shared.videos.probe import probe
from tests.media import ffmpeg
from tests.web.counted import Counted

HEADS = [b"", b"\0\0\0\x18ftypmp42", b"RIFF\xff\xff\0\0WAVEfmt ", b"\x1a\x45\xdf\xa3", b"#EXTM3U\n"]


def refusal(path: Path) -> str:
    with pytest.raises(AppError) as caught:
        Counted(path).probed()
    assert caught.value.status == 422
    return caught.value.code


def made(path: Path, *arguments: str | Path) -> Path:
    ffmpeg(*arguments, path)
    return path


@pytest.mark.parametrize(("pixels", "readable"), [("yuv420p", False), ("uyvy422", True)])
def test_raw_pictures_that_no_decoder_takes_are_refused(tmp_path: Path, pixels: str, readable: bool) -> None:
    """QuickTime knows names for some ways to store a pixel; of the others its file says nothing."""
    drawn = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=5:duration=2", "-f", "lavfi", "-i", "sine=duration=2")
    raw = ("-c:v", "rawvideo", "-pix_fmt", pixels, "-c:a", "pcm_s16le")
    path = made(tmp_path / "raw.mov", *drawn, *raw, *(() if readable else ("-tag:v", "yv12")))
    if readable:
        assert Counted(path).probed().facts.video
    else:
        assert refusal(path) == "picture_unreadable"


def test_facts_of_a_film(media: Path) -> None:
    read = Counted(media / "clip.mp4")
    found = read.probed()
    video, audio = found.facts.video, found.facts.audio
    assert video
    assert audio
    assert (video.codec, video.width, video.height, video.fps, video.default) == ("h264", 320, 240, 25.0, True)
    assert (audio.codec, audio.language, audio.sample_rate, audio.channels) == ("aac", "eng", 48000, 1)
    assert found.facts.duration_seconds == pytest.approx(6.0, abs=0.05)
    assert found.thumbnail
    assert found.thumbnail.startswith(b"\xff\xd8")
    assert read.count <= 2 * read.path.stat().st_size


def test_a_thumbnail_is_only_made_when_asked_for(media: Path) -> None:
    assert Counted(media / "clip.mp4").probed(thumbnail=False).thumbnail is None


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_film_is_described_upright(media: Path, tmp_path: Path, degrees: int) -> None:
    turned = made(tmp_path / "turned.mp4", "-display_rotation", str(degrees), "-i", media / "clip.mp4", "-c", "copy")
    found = Counted(turned).probed()
    assert found.facts.video
    assert (found.facts.video.width, found.facts.video.height) == ((320, 240) if degrees == 180 else (240, 320))
    assert found.thumbnail
    assert jpeg_size(found.thumbnail) == (found.facts.video.width, found.facts.video.height)


def jpeg_size(data: bytes) -> tuple[int, int]:
    start = data.index(b"\xff\xc0")
    return int.from_bytes(data[start + 7 : start + 9], "big"), int.from_bytes(data[start + 5 : start + 7], "big")


def test_a_wide_film_gets_a_small_thumbnail(tmp_path: Path) -> None:
    wide = made(
        tmp_path / "wide.mp4",
        "-f",
        "lavfi",
        "-i",
        "testsrc=s=1920x804:d=1:r=5",
        "-f",
        "lavfi",
        "-i",
        "sine=d=1",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
    )
    found = Counted(wide).probed()
    assert found.thumbnail
    assert jpeg_size(found.thumbnail) == (480, 200)


def test_a_cover_is_a_thumbnail_and_not_a_film(media: Path, tmp_path: Path) -> None:
    cover = made(tmp_path / "cover.png", "-f", "lavfi", "-i", "color=red:s=600x600:d=1", "-frames:v", "1")
    song = made(
        tmp_path / "song.mp3",
        "-i",
        media / "clip.mp4",
        "-i",
        cover,
        "-map",
        "0:a",
        "-map",
        "1",
        "-c:v",
        "mjpeg",
        "-disposition:v",
        "attached_pic",
    )
    found = Counted(song).probed()
    assert found.facts.video is None
    assert found.thumbnail
    assert jpeg_size(found.thumbnail) == (480, 480)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mkv", ["-c", "copy"]),
        ("a.webm", ["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"]),
        ("live.webm", ["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-live", "1"]),
        ("a.avi", ["-c:v", "mpeg4", "-c:a", "mp3"]),
        ("a.flv", ["-c", "copy"]),
        ("a.ts", ["-c", "copy"]),
        ("fragments.mp4", ["-c", "copy", "-movflags", "frag_keyframe+empty_moov"]),
        ("a.mov", ["-c", "copy"]),
        ("a.wav", ["-vn"]),
        ("a.flac", ["-vn"]),
        ("a.mp3", ["-vn"]),
        ("bare.mp3", ["-vn", "-write_xing", "0"]),
        ("a.aac", ["-vn", "-c:a", "copy"]),
        ("a.ogg", ["-vn", "-c:a", "libvorbis"]),
        ("a.m4a", ["-vn", "-c:a", "copy"]),
    ],
)
def test_lengths_are_known_whatever_the_container_says(
    media: Path, tmp_path: Path, name: str, options: list[str]
) -> None:
    found = Counted(made(tmp_path / name, "-i", media / "clip.mp4", *options)).probed()
    assert found.facts.duration_seconds == pytest.approx(6.0, abs=0.1)
    assert found.facts.audio
    assert (found.facts.video is not None) == ("-vn" not in options)


def test_subtitles_and_attachments_are_listed(media: Path, tmp_path: Path) -> None:
    font = tmp_path / "font.ttf"
    font.write_bytes(b"\0" * 1000)
    rich = made(
        tmp_path / "rich.mkv",
        "-i",
        media / "clip.mp4",
        "-i",
        media / "subtitles.srt",
        "-map",
        "0",
        "-map",
        "1",
        "-c",
        "copy",
        "-c:s",
        "srt",
        "-attach",
        font,
        "-metadata:s:t",
        "mimetype=application/x-truetype-font",
    )
    kinds = [stream.kind for stream in Counted(rich).probed().facts.streams]
    assert kinds == ["video", "audio", "subtitle", "attachment"]


@pytest.mark.parametrize("name", ["text.mp4", "playlist.mp4", "concat.mp4", "subtitles.srt"])
def test_what_is_no_media_is_refused(media: Path, name: str) -> None:
    assert refusal(media / name) == "not_media"


def test_pictures_are_no_media(tmp_path: Path) -> None:
    assert refusal(made(tmp_path / "a.png", "-f", "lavfi", "-i", "testsrc=d=1", "-frames:v", "1")) == "not_media"


def test_subtitles_alone_in_a_container_are_no_media(media: Path, tmp_path: Path) -> None:
    assert refusal(made(tmp_path / "s.mkv", "-i", media / "subtitles.srt")) == "not_media"


def test_a_film_without_sound_is_refused(media: Path) -> None:
    assert refusal(media / "silent_film.mp4") == "no_audio"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("faststart.mp4", ["-c", "copy", "-movflags", "+faststart"]),
        ("moov_last.mp4", ["-c", "copy"]),
        ("fragments.mp4", ["-c", "copy", "-movflags", "frag_keyframe+empty_moov"]),
        ("a.mkv", ["-c", "copy"]),
        ("a.avi", ["-c:v", "mpeg4", "-c:a", "mp3"]),
        ("a.wav", ["-vn"]),
        ("a.flac", ["-vn"]),
        ("a.mp3", ["-vn"]),
    ],
)
def test_a_cut_file_is_truncated(media: Path, tmp_path: Path, name: str, options: list[str]) -> None:
    whole = made(tmp_path / name, "-i", media / "clip.mp4", *options)
    os.truncate(whole, whole.stat().st_size // 2)
    assert refusal(whole) == "truncated"


def test_a_longer_picture_than_sound_is_not_truncated(tmp_path: Path) -> None:
    uneven = made(
        tmp_path / "uneven.mp4",
        "-f",
        "lavfi",
        "-i",
        "testsrc=s=64x64:d=8:r=10",
        "-f",
        "lavfi",
        "-i",
        "sine=d=2",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
    )
    assert Counted(uneven).probed().facts.duration_seconds == pytest.approx(8.0, abs=0.1)


def test_a_hundred_megabytes_of_zeros(tmp_path: Path) -> None:
    zeros = tmp_path / "zeros.mp4"
    with zeros.open("wb") as file:
        file.truncate(100_000_000)
    started = time.monotonic()
    assert refusal(zeros) == "not_media"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("name", "options"), [("a.mkv", []), ("live.mkv", ["-live", "1"]), ("a.mov", [])])
def test_large_files_are_read_in_part(tmp_path: Path, name: str, options: list[str]) -> None:
    large = made(
        tmp_path / name,
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=640x360:r=25:d=9,format=yuv420p",
        "-f",
        "lavfi",
        "-i",
        "sine=d=9",
        "-c:v",
        "rawvideo",
        "-pix_fmt",
        "yuv420p" if "mkv" in name else "uyvy422",
        *options,
    )
    read = Counted(large)
    found = read.probed()
    assert found.facts.duration_seconds == pytest.approx(9.0, abs=0.1)
    assert found.thumbnail
    assert read.count < large.stat().st_size / 2


@settings(max_examples=15, deadline=None)
@given(data=st.binary(max_size=4096), head=st.sampled_from(HEADS))
def test_any_bytes_end_in_a_refusal(data: bytes, head: bytes) -> None:
    content = head + data
    if not content:
        return
    with pytest.raises(AppError) as caught:
        probe(lambda offset, length: content[offset : offset + length], len(content))
    assert caught.value.status == 422
