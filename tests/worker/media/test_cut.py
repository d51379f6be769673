"""A stretch cut out of a file: sound to the sample, picture to the frame, in every kind of file."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from shared.errors import PermanentError
from tests.media import FFMPEG, ffmpeg, speech
from worker.media import ffmpeg as media
from worker.media import opening
from worker.media.probed import facts_of

FRAME = 1 / 25
MARK = 6.0  # a click, and a white picture
CODECS = {
    "b_frames.mp4": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "3", "-c:a", "aac"),
    "flac.mkv": ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "flac"),
    "vp8.webm": ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"),
    "shifted.ts": ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-output_ts_offset", "100"),
}
TONE = "aevalsrc='0.02*sin(2*PI*300*t)+if(between(t,6,6.002),0.9,0)':s=48000:d=10"


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("cut")
    for name, codecs in CODECS.items():
        picture = ("-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=10", "-f", "lavfi", "-i", TONE)
        flash = ("-vf", "drawbox=enable='eq(n,150)':color=white:t=fill", "-g", "50")
        ffmpeg(*picture, *flash, *codecs, folder / name)
    return {name: folder / name for name in CODECS}


def out_of(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([FFMPEG, "-nostdin", *map(str, arguments)], capture_output=True, check=True)


def sound(path: Path) -> np.ndarray:
    pcm = out_of("-i", path, "-map", "0:a:0", "-af", "aresample=async=1:first_pts=0", "-ac", "1", "-ar", "48000",
                 "-f", "f32le", "-").stdout  # fmt: skip
    return np.frombuffer(pcm, np.float32)


def marks(path: Path) -> tuple[float, float]:
    """When the click is heard and when the white picture is seen."""
    small = ("-map", "0:v", "-vf", "scale=16:12,showinfo", "-fps_mode", "passthrough", "-f", "rawvideo")
    # the sound is put to use too: some formats' clock counts from the first stream in use
    run = out_of("-i", path, *small, "-pix_fmt", "gray", "-", "-map", "0:a", "-f", "null", "/dev/null")
    pictures = np.frombuffer(run.stdout, np.uint8).reshape(-1, 16 * 12).mean(axis=1)
    times = [float(time) for time in re.findall(r"pts_time:(\S+)", run.stderr.decode())]
    return float(np.argmax(np.abs(sound(path)) > 0.4)) / 48_000, times[int(np.argmax(pictures))]


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize(("start", "seconds"), [(4.0, 3.5), (3.37, 4.0), (0.0, 7.5), (5.9, 4.1)])
def test_sound_and_picture_keep_their_times(clips, tmp_path, name, start, seconds):
    """On a keyframe, between two, from the beginning, to the very end."""
    click, flash = marks(clips[name])
    out = tmp_path / "out.media"
    begins = media.cut(clips[name], facts_of(clips[name]), out, start=start, seconds=seconds)
    heard, seen = marks(out)
    assert abs(begins - start) <= FRAME / 2
    assert heard == pytest.approx(click - begins, abs=0.001)
    assert seen == pytest.approx(flash - begins, abs=FRAME / 2 + 0.001)
    assert len(sound(out)) == pytest.approx(seconds * 48_000, abs=1)
    assert facts_of(out).duration_seconds == pytest.approx(seconds, abs=FRAME)


def test_the_picture_is_copied_where_a_keyframe_begins_it(clips, tmp_path):
    name, out = "vp8.webm", tmp_path / "out.media"
    kinds = {}
    for start in (0.0, 4.0, 4.015, 3.9):
        media.cut(clips[name], facts_of(clips[name]), out, start=start, seconds=2.0)
        kinds[start] = facts_of(out).video.codec
    assert kinds == {0.0: "vp8", 4.0: "vp8", 4.015: "vp8", 3.9: "h264"}


def test_sound_alone_is_cut_to_the_sample(tmp_path):
    whole, out = tmp_path / "tone.m4a", tmp_path / "out.media"
    ffmpeg("-f", "lavfi", "-i", TONE, "-c:a", "aac", whole)
    media.cut(whole, facts_of(whole), out, start=5.25, seconds=2.0)
    facts = facts_of(out)
    assert (facts.video, facts.audio.codec) == (None, "flac")
    assert np.argmax(np.abs(sound(out)) > 0.4) / 48_000 == pytest.approx(0.75, abs=0.001)


def test_where_the_sound_has_ended_the_stretch_is_silent(tmp_path):
    whole, out = tmp_path / "short.mp4", tmp_path / "out.media"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=6", "-f", "lavfi", "-i", "sine=duration=2", whole)
    media.cut(whole, facts_of(whole), out, start=4.0, seconds=1.5)
    assert len(sound(out)) == pytest.approx(1.5 * 48_000, abs=1)


def test_what_is_no_media_is_refused(clips, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing")
    with pytest.raises(PermanentError):
        media.cut(broken, facts_of(clips["b_frames.mp4"]), tmp_path / "out", start=1.0, seconds=2.0)


def test_the_first_voice_is_found_without_reading_on(tmp_path):
    voice, late = speech(tmp_path / "voice.wav"), tmp_path / "late.wav"
    ffmpeg("-i", voice, "-af", "adelay=40000:all=1,apad=whole_dur=600", "-ar", "48000", late)
    read = 0

    def counted():
        nonlocal read
        for block in media.sound_blocks(late, stream_index=0, rate=opening.RATE):
            read += len(block) / opening.RATE
            yield block

    assert opening.first_speech(counted()) == pytest.approx(40.0, abs=0.4)
    assert read < 100


def test_in_silence_there_is_no_first_voice():
    assert opening.first_speech([np.zeros(16_000, np.float32)] * 70) is None
