"""Media made for the tests, and how to read it back."""

import hashlib
import subprocess
from itertools import pairwise
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray

from shared.videos.facts import MediaFacts, Stream

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
KINDS = {"video": "video", "audio": "audio", "subtitle": "subtitle", "attachment": "attachment"}


def ffmpeg(*arguments: object) -> bytes:
    command = [FFMPEG, "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def facts(path: Path) -> MediaFacts:
    with av.open(str(path)) as file:
        return MediaFacts(file.format.name, (file.duration or 0) / 1e6, tuple(map(_stream, file.streams)))


def _stream(s: av.stream.Stream) -> Stream:
    codec = s.codec_context
    sound = s if s.type == "audio" else None
    return Stream(
        index=s.index,
        kind=KINDS.get(s.type, "data"),  # type: ignore[arg-type]
        codec=codec.codec.canonical_name if codec else "unknown",
        language=s.metadata.get("language") if s.metadata else s.language,
        default=bool(s.disposition & av.stream.Disposition.default),
        attached_picture=bool(s.disposition & av.stream.Disposition.attached_pic),
        channels=codec.channels if sound and codec else None,
        sample_rate=codec.sample_rate if sound and codec else None,
    )


def clicks(seconds: float, at: tuple[float, ...], channels: int = 2, rate: int = 48_000) -> NDArray[np.float32]:
    """A quiet tone with a short burst at each time."""
    t = np.arange(round(seconds * rate)) / rate
    mono = 0.01 * np.sin(2 * np.pi * 220 * t)
    for time in at:
        first = round(time * rate)
        mono[first : first + 96] += 0.8 * np.sin(2 * np.pi * 3000 * np.arange(96) / rate)
    return np.repeat(mono[:, None], channels, axis=1).astype(np.float32)


def write_clicks(path: Path, seconds: float, at: tuple[float, ...], channels: int = 2, rate: int = 48_000) -> Path:
    soundfile.write(path, clicks(seconds, at, channels, rate), rate)
    return path


def click_times(samples: NDArray[np.float32], rate: int = 48_000) -> list[float]:
    """Where bursts are: the middle of each by energy, less half its length (seconds)."""
    energy = np.square(samples if samples.ndim == 1 else samples.mean(axis=1))
    smooth = np.convolve(energy, np.ones(96), "same")
    times: list[float] = []
    while smooth.max() > 2.0:
        peak = int(smooth.argmax())
        times.append((peak - 48) / rate)
        smooth[max(0, peak - 4800) : peak + 4800] = 0
    return sorted(times)


def decoded(path: Path, stream: str = "a:0", offset: str = "aresample=async=1:first_pts=0") -> NDArray[np.float32]:
    """The stream as a player hears it, mixed to mono at 48 kHz, from 0 s of the file on."""
    raw = ffmpeg("-i", path, "-map", f"0:{stream}", "-af", offset, "-ac", 1, "-ar", 48_000, "-f", "f32le", "-")
    return np.frombuffer(raw, "<f4")


def packet_hashes(path: Path) -> list[str]:
    """A digest of each packet of the picture, in the order of the file."""
    with av.open(str(path)) as file:
        video = next(s for s in file.streams.video if not s.disposition & av.stream.Disposition.attached_pic)
        packets = file.demux(video)
        return [hashlib.md5(bytes(packet)).hexdigest() for packet in packets if packet.size]


def frames(path: Path) -> list[tuple[float, float]]:
    """(time in seconds, mean brightness) of each decoded picture."""
    with av.open(str(path)) as file:
        return [(float(f.time or 0), float(f.to_ndarray(format="gray").mean())) for f in file.decode(video=0)]


def flash_times(path: Path) -> list[float]:
    """When the picture turns bright, on the file's own clock."""
    shown = frames(path)
    return [now for (_, before), (now, after) in pairwise(shown) if before < 128 <= after]


def common_share(sound: np.ndarray) -> float:
    """How much two channels (n, 2) at 48 kHz have in common above 6 kHz: 0 nothing, 1 all."""
    left, right = np.fft.rfft(sound, axis=0).T
    high = np.fft.rfftfreq(2 * (len(left) - 1), 1 / 48_000) > 6_000
    return float(abs(np.vdot(left[high], right[high])) / np.linalg.norm(left[high]) / np.linalg.norm(right[high]))
