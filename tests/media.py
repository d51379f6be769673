"""Media for tests, made on the spot."""

import subprocess
from pathlib import Path

import imageio_ffmpeg

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg, quietly."""
    subprocess.run([FFMPEG, "-y", "-nostdin", "-loglevel", "error", *map(str, arguments)], check=True)


SAYING = "The water in the lake is warm today. We can swim to the island and have lunch there."


def speech(path: Path, text: str = SAYING, voice: str = "slt") -> Path:
    """Speech by flite, as a WAV."""
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
    return path


def a_clip(path: Path, seconds: float = 6.0) -> Path:
    """A small H.264 + AAC mp4 with a picture and a voice."""
    voice = speech(path.with_suffix(".wav"))
    ffmpeg(
        "-f", "lavfi", "-i", f"testsrc2=size=160x120:rate=25:duration={seconds}", "-i", voice,
        "-filter_complex", f"[1:a]adelay=500,apad,atrim=duration={seconds}[a]", "-map", "0:v", "-map", "[a]",
        "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-ac", "2", "-ar", "48000",
        "-movflags", "+faststart", path,
    )  # fmt: skip
    return path
