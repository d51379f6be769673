"""Where a dub's lines lie in its file: looked for by their sound, so that no pause and no report is needed.

A line's text in its voice is spoken again, alone, and that sound's spectrogram, at every speed that a dub may have, is
laid over the dub's; the place and speed at which the two are most alike are the line's. Steps of 5 ms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from worker.spans import Span

RATE = 16_000
STEP = 80  # samples, 5 ms
WINDOW = 400  # 25 ms
BANDS = 20
LOWEST, HIGHEST = 120.0, 7000.0  # Hz
RANGE_DB = 40.0  # below the loudest
SPEEDS = tuple(np.round(np.arange(0.84, 1.46, 0.01), 2))
AROUND = 1.5  # seconds from where the line is in the source
ALIKE = 0.5  # correlation from which a line is found
MISSING_DB = 20.0  # so far below what it should be, a part of a line is lost

Samples = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trace:
    """A line as it is in the file (seconds), at `speed` of its voice's own; `lost` is the share that is silent."""

    start: float
    end: float
    speed: float
    alike: float
    lost: float

    @property
    def span(self) -> Span:
        """From when to when."""
        return Span(self.start, self.end)

    @property
    def found(self) -> bool:
        """Whether this is the line, beyond doubt."""
        return self.alike >= ALIKE


def traced(voice: Samples, said: Samples, near: float) -> Trace:
    """Look for `said` (alone, trimmed) in `voice`, both mono at 16 kHz, around `near` seconds."""
    first = max(0, round((near - AROUND) * RATE) // STEP * STEP)
    last = round((near + 2 * AROUND) * RATE) + round(len(said) / min(SPEEDS))
    there, alone = spectrogram(voice[first:last]), spectrogram(said)
    best = max((_laid(there, _at_speed(alone, speed), float(speed)) for speed in SPEEDS), key=lambda one: one[0])
    alike, step, speed = best
    start = (first + step * STEP) / RATE
    end = start + len(said) / RATE / speed
    return Trace(start, end, speed, alike, _lost(there[step:], _at_speed(alone, speed)))


def spectrogram(sound: Samples) -> Floats:
    """(steps, bands) in dB, RANGE_DB below the loudest at the least; step k is around sample k · STEP."""
    padded = np.pad(sound, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::STEP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), 512)) ** 2 @ _bands()
    level = 10 * np.log10(power + 1e-12)
    return np.asarray(np.maximum(level, level.max(initial=-120.0) - RANGE_DB), np.float64)


@cache
def _bands() -> Floats:
    """Power bins into BANDS bands, equally wide on the mel scale."""
    mel = np.linspace(_mel(LOWEST), _mel(HIGHEST), BANDS + 1)
    which = np.searchsorted(mel, [_mel(bin_ * RATE / 512) for bin_ in range(257)]) - 1
    return np.asarray(which[:, np.newaxis] == np.arange(BANDS), np.float64)


def _mel(frequency: float) -> float:
    return float(2595 * np.log10(1 + frequency / 700))


def _at_speed(alone: Floats, speed: float) -> Floats:
    steps = np.arange(0, len(alone) - 1, speed)
    return np.stack([np.interp(steps, np.arange(len(alone)), band) for band in alone.T], 1)


def _laid(there: Floats, line: Floats, speed: float) -> tuple[float, int, float]:
    """The best correlation of the line's spectrogram with a part of the dub's, at which step, and the speed again."""
    count = len(line)
    if count > len(there):
        return 0.0, 0, speed
    pattern = line - line.mean(axis=0)
    crossed = fftconvolve(there, pattern[::-1], mode="valid", axes=0).sum(axis=1)
    sums, squares = (_moving(values, count) for values in (there, there**2))
    spread = np.sum(squares - sums**2 / count, axis=1)
    alike = crossed / np.sqrt(np.maximum(spread, 1e-6) * np.sum(pattern**2))
    step = int(np.argmax(alike))
    return float(alike[step]), step, speed


def _moving(values: Floats, count: int) -> Floats:
    """Sums over `count` rows from each row on."""
    whole = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return np.asarray(whole[count:] - whole[:-count], np.float64)


def _lost(there: Floats, line: Floats) -> float:
    """The share of the line's loud steps that are far quieter in the dub than the rest of it says they should be."""
    was, now = line.max(axis=1), there[: len(line)].max(axis=1)
    loud = was[: len(now)] > was.max() - MISSING_DB
    apart = (was[: len(now)] - now)[loud]
    return float(np.mean(apart - np.median(apart) > MISSING_DB)) if loud.any() else 1.0


def overlaps(lines: Sequence[tuple[Span, str]]) -> tuple[float, float]:
    """The longest overlap of two lines of one speaker, and of two speakers' (seconds)."""
    within = between = 0.0
    for number, (one, speaker) in enumerate(lines):
        for other, another in lines[number + 1 :]:
            shared = max(0.0, min(one.end, other.end) - max(one.start, other.start))
            if speaker == another:
                within = max(within, shared)
            else:
                between = max(between, shared)
    return within, between
