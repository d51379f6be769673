"""A dub judged from its file: what is heard in it, and when, against the truth about its source.

What is left of the source is taken off the dub first: in every 0.4 s its part is the one that fits the dub's spectrum
best where the new voice is quiet. A plain projection finds a part where two voices are alike by chance, and taking
that off is heard: it cost a recogniser 0.05 to 0.10 of the words.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import soxr
from numpy.typing import NDArray

from bench.material.staged import Staged
from worker.media import ffmpeg
from worker.media.loudness import speech_only, target_lufs
from worker.media.voice_activity import voiced_spans
from worker.spans import Span, intersection, total, union

RATE = 48_000
LISTENING_RATE = 16_000
WINDOW = 2 * LISTENING_RATE // 5
ROUNDS = 4  # of weighing by what is left
NEIGHBOURS = np.full(9, 1 / 9)  # bins that are weighed together
AWAY = 1.0  # seconds from any speech at which the background is judged
CLIPPED = 0.9999
LAGS = 12  # samples at 16 kHz

Samples = NDArray[np.float32]
Spectrum = NDArray[np.complex128]


@dataclass(frozen=True)
class Judgement:
    """The measures of one dub. Seconds, LU, dB, dBTP; None where there was nothing to judge."""

    voiced_iou: float
    silence_in_speech: float
    loudness_off: float | None
    true_peak: float | None
    clipped: int
    duration_off: float
    video_identical: bool
    background_off: float | None
    original_under: float | None


def judge(scene: Staged, dub: Path, placed: Sequence[Span]) -> Judgement:
    """Judge the file `dub` of `scene`; `placed` is where the report says its lines lie."""
    source, result = decoded(scene.video), decoded(dub)
    new = voice_of(scene, dub)
    heard = union(voiced_spans([new]))
    spoken = union((line.start, line.end) for line in scene.lines)
    both = total(intersection(heard, spoken))
    everything = union([*spoken, *placed])
    levels = ffmpeg.file_loudness(dub)
    return Judgement(
        voiced_iou=both / (total(heard) + total(spoken) - both),
        silence_in_speech=1 - both / total(spoken),
        loudness_off=_loudness_off(scene.video, dub, spoken, list(placed)),
        true_peak=levels.true_peak_dbtp,
        clipped=int(np.sum(np.abs(result) >= CLIPPED)),
        duration_off=abs(_seconds(dub) - _seconds(scene.video)),
        video_identical=_video_hash(dub) == _video_hash(scene.video),
        background_off=_background_off(source, result, everything),
        original_under=_original_under(scene, dub, spoken),
    )


def decoded(path: Path, layout: str | None = "stereo") -> Samples:
    """The file's first sound (n, channels) at 48 kHz on the presentation clock, in its own layout where none is named.

    A mono one becomes stereo at full level on both sides, and more channels are mixed down so that they can't clip.
    """
    channels = _channels(path)
    mixed = f":out_chlayout={layout}:rematrix_maxval=1" if layout and channels > 2 else ""
    run = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-i", str(path), "-map", "0:a:0",
         "-af", f"aresample=async=1:first_pts=0:out_sample_rate={RATE}{mixed}", "-f", "f32le", "-"],
        check=True, capture_output=True,
    )  # fmt: skip
    sound = np.frombuffer(run.stdout, "<f4").reshape(-1, 2 if mixed else channels).astype(np.float32)
    return np.repeat(sound, 2, axis=1) if layout and channels == 1 else sound


def listened(path: Path) -> Samples:
    """The file's sound, mono at 16 kHz."""
    return np.asarray(soxr.resample(decoded(path).mean(axis=1), RATE, LISTENING_RATE))


def _channels(path: Path) -> int:
    with av.open(str(path)) as file:
        return int(file.streams.audio[0].channels)


def voice_of(scene: Staged, dub: Path) -> Samples:
    """The dub's own voice at 16 kHz: its sound without the source's part in it."""
    source, result = (listened(path) for path in (scene.video, dub))
    return without(source, result)


def without(source: Samples, result: Samples) -> Samples:
    """`result` without its part of `source`, window by window, both mono; as long as the shorter."""
    length = min(len(source), len(result))
    window, rest = np.sqrt(np.hanning(WINDOW + 1)[:WINDOW]), np.zeros(length, np.float32)
    for first in range(0, length - WINDOW, WINDOW // 2):
        new, old = (np.fft.rfft(window * sound[first : first + WINDOW]) for sound in (result, source))
        rest[first : first + WINDOW] += (window * np.fft.irfft(new - _share(new, old) * old)).astype(np.float32)
    return rest


def _share(new: Spectrum, old: Spectrum) -> float:
    """How much of `old` is in `new`: least squares, each bin weighed by how little else is in it."""
    weights, share = np.ones(len(new)), 0.0
    for _ in range(ROUNDS):
        share = float(np.sum(weights * (new * old.conj()).real) / (np.sum(weights * np.abs(old) ** 2) + 1e-12))
        left = np.convolve(np.abs(new - share * old) ** 2, NEIGHBOURS, "same")
        weights = 1 / (left + 1e-9 * left.max() + 1e-12)
    return share


def _loudness_off(source: Path, dub: Path, spoken: list[Span], placed: list[Span]) -> float | None:
    """The dub's dialogue against the source's, each in its own layout."""
    was, now = (
        ffmpeg.loudness(speech_only([decoded(path, None)], spans, RATE), RATE, peaks=False).integrated_lufs
        for path, spans in ((source, spoken), (dub, union(placed)))
    )
    return None if was is None or now is None else now - target_lufs(was)


def _background_off(source: Samples, result: Samples, speech: list[Span]) -> float | None:
    """The largest difference in a third octave, at least AWAY from any speech; None for a silent bed."""
    length = min(len(source), len(result))
    away = np.ones(length, bool)
    for span in speech:
        away[max(0, round((span.start - AWAY) * RATE)) : round((span.end + AWAY) * RATE)] = False
    old, new = (sound[:length].mean(axis=1)[away] for sound in (source, result))
    if len(old) < RATE or np.sqrt(np.mean(np.square(old))) < 1e-3:
        return None
    powers = [np.abs(np.fft.rfft(sound)) ** 2 for sound in (old, new)]
    frequencies = np.fft.rfftfreq(len(old), 1 / RATE)
    differences = []
    for centre in 1000 * 2.0 ** (np.arange(-9, 10) / 3):
        band = (frequencies >= centre / 2 ** (1 / 6)) & (frequencies < centre * 2 ** (1 / 6))
        was, now = (float(power[band].sum()) for power in powers)
        if was > 1e-6 * float(powers[0].sum()):  # what lies 60 dB below the rest is not heard
            differences.append(float(abs(10 * np.log10(now / was))))
    return max(differences, default=None)


def _original_under(scene: Staged, dub: Path, spoken: list[Span]) -> float:
    """How far below the dub's sound, in dB, the original voice still is while it speaks."""
    voice = soxr.resample(scene.voice, RATE, LISTENING_RATE)
    result = listened(dub)
    length = min(len(voice), len(result))
    inside = np.zeros(length, bool)
    for span in spoken:
        inside[round(span.start * LISTENING_RATE) : round(span.end * LISTENING_RATE)] = True
    level = float(np.mean(np.square(result[:length][inside])))
    shares = [
        abs(float(np.roll(result[:length], -lag)[inside] @ voice[:length][inside])) for lag in range(-LAGS, LAGS + 1)
    ]
    energy = float(np.sum(np.square(voice[:length][inside])))
    remaining = max(shares) ** 2 / energy / inside.sum()
    return float(10 * np.log10(level / max(remaining, 1e-12)))


def _seconds(path: Path) -> float:
    with av.open(str(path)) as file:
        return float(file.duration or 0) / av.time_base


def _video_hash(path: Path) -> str:
    run = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-i", str(path), "-map", "0:v", "-c", "copy",
         "-f", "streamhash", "-"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return run.stdout
