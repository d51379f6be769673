"""The probe: what it finds, what it refuses, and that its child can do nothing but read."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import AppError, TransientError
from shared.videos import probe as probing
from shared.videos.probe import Probed, probe
from tests.media import ffmpeg

HEADS = [b"", b"\0\0\0\x18ftypmp42", b"RIFF\xff\xff\0\0WAVEfmt ", b"\x1a\x45\xdf\xa3", b"#EXTM3U\n"]
ROOT = Path(__file__).resolve().parents[2]


class Counted:
    """A file's bytes, counted."""

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0

    def __call__(self, offset: int, length: int) -> bytes:
        self.count += length
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def probed(self, **options: bool) -> Probed:
        return probe(self, self.path.stat().st_size, **options)


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


def test_the_child_can_open_nothing() -> None:
    script = """
import socket, sys
from shared.videos.probe_child import close_doors, leave_network
leave_network()
close_doors()
import os
for attempt in (lambda: open("/etc/passwd"), socket.socket, os.pipe, lambda: os.open("/", os.O_RDONLY)):
    try:
        attempt()
    except OSError as error:
        print(error.errno)
    else:
        print("opened")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["24"] * 4


def test_the_child_has_no_environment_and_no_network(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    seen: dict[str, str] = {}
    read = Counted(media / "clip.mp4")

    def spy(offset: int, length: int) -> bytes:
        if not seen:
            child = _child_of_this_process()
            seen["environment"] = Path(f"/proc/{child}/environ").read_text()
            seen["limits"] = Path(f"/proc/{child}/limits").read_text()
            seen["files"] = str(len(list(Path(f"/proc/{child}/fd").iterdir())))
            seen["network"] = str(Path(f"/proc/{child}/ns/net").readlink())
        return read(offset, length)

    probe(spy, read.path.stat().st_size)
    assert "AWS" not in seen["environment"]
    limits = {line[:25].strip(): line[25:].split() for line in seen["limits"].splitlines()}
    assert limits["Max cpu time"][0] == "10"
    assert limits["Max address space"][0] == str(512 * 1024 * 1024)
    assert limits["Max open files"][:2] == ["0", "0"]
    assert int(seen["files"]) == 3
    if _may_unshare():
        assert seen["network"] != str(Path("/proc/self/ns/net").readlink())


def _child_of_this_process() -> int:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        if b"shared.videos.probe_child" in entry.read_bytes():
            status = (entry.parent / "status").read_text()
            if f"PPid:\t{os.getpid()}\n" in status:
                return int(entry.parent.name)
    raise AssertionError("no child")


def _may_unshare() -> bool:
    return subprocess.run(["unshare", "--user", "--net", "true"], capture_output=True).returncode == 0


def test_two_at_a_time(media: Path) -> None:
    path, hold, inside = media / "clip.mp4", threading.Event(), threading.Semaphore(0)
    read = Counted(path)

    def slow(offset: int, length: int) -> bytes:
        inside.release()
        hold.wait(60)
        return read(offset, length)

    running = [threading.Thread(target=probe, args=(slow, path.stat().st_size)) for _ in range(2)]
    for thread in running:
        thread.start()
    for _ in running:
        assert inside.acquire(timeout=60)
    with pytest.raises(AppError) as caught:
        Counted(path).probed()
    hold.set()
    for thread in running:
        thread.join()
    assert (caught.value.code, caught.value.status, caught.value.retry_after) == ("probe_busy", 503, 5)
    assert Counted(path).probed().facts.audio


def test_slow_bytes_are_transient(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "WALL_SECONDS", 0.6)
    with pytest.raises(TransientError, match="in time"):
        probe(lambda offset, length: time.sleep(1) or b"", (media / "clip.mp4").stat().st_size)  # type: ignore[func-returns-value]


def test_a_failure_to_read_comes_through(media: Path) -> None:
    def fails(offset: int, length: int) -> bytes:
        raise TransientError("storage_unavailable", "away")

    with pytest.raises(TransientError, match="away"):
        probe(fails, 1000)
    assert Counted(media / "clip.mp4").probed(), "its place is free again"


def test_a_child_killed_from_outside_is_no_verdict_on_the_file(tmp_path):
    """Load, or the kernel short of memory, must not condemn a good file."""
    started = threading.Event()

    def killed(*_: int) -> bytes:
        for child in psutil.Process().children(recursive=True):
            if "probe_child" in " ".join(child.cmdline()):
                child.kill()
        started.set()
        return b"\0" * 10

    with pytest.raises(TransientError) as caught:
        probe(killed, 1000)
    assert started.is_set()
    assert caught.value.code == "probe_interrupted"


def test_a_fault_of_ours_is_no_verdict_on_the_file():
    """The child dies of an exception when its request makes no sense."""
    with pytest.raises(TransientError) as caught:
        probe(lambda *_: b"", "not a size")  # type: ignore[arg-type]
    assert caught.value.code == "probe_failed"
