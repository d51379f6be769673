"""The sound of the room itself, for where the background is left out: what is always there, also between words.

Its spectrum is the least that each frequency has over the file (minimum statistics), so neither speech nor music are in
it; its phases are random, so nothing of it is recognised or repeats as a rhythm.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from worker.engines.protocols import Samples

RATE = 48_000
FRAME = 2048
# One look each second is enough, and reading is all that it costs. So many say all about a longer file, too, and are
# held together.
EVERY_SECONDS = 1.0
MOST_LOOKS = 900
# A frequency's floor is the 5 % quantile of the looks at it. The power of noise there has an exponential distribution,
# whose quantile lies so far below its mean when about half of the looks have nothing but noise.
QUIETEST = 0.05
BELOW_MEAN = -np.log(1 - 2 * QUIETEST)
# Louder is no room; a file without a floor of its own gets none.
LOUDEST_DBFS, SOFTEST_DBFS = -50.0, -90.0
LOOP_SECONDS = 5

Spectrum = NDArray[np.float64]


def floor(path: Path) -> Spectrum:
    """The power density at FRAME // 2 + 1 frequencies up to 24 kHz that a 48 kHz sound never falls below."""
    looks = [_power(frame) for frame in _frames(path)]
    if not looks:
        return np.zeros(FRAME // 2 + 1)
    return np.asarray(np.quantile(np.stack(looks), QUIETEST, axis=0) / BELOW_MEAN)


def missing(source: Spectrum, bed: Spectrum | None) -> Spectrum:
    """What lacks of the source's floor where `bed` is played (None: nothing is), no louder than a room is."""
    lacking = source if bed is None else np.maximum(0.0, source - bed)
    level = float(np.sum(lacking))
    if level <= 10 ** (SOFTEST_DBFS / 10):
        return np.zeros_like(lacking)
    return lacking * min(1.0, 10 ** (LOUDEST_DBFS / 10) / level)


def loop(spectrum: Spectrum, channels: int, seed: int = 1) -> Samples:
    """Noise of that spectrum, (n, channels), which follows on itself without a seam."""
    count = LOOP_SECONDS * RATE
    at = np.arange(count // 2 + 1) * (FRAME / count)
    amplitude = np.sqrt(np.interp(at, np.arange(len(spectrum)), spectrum) * FRAME / count / 2) * count
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (count // 2 + 1, channels))
    return np.fft.irfft(amplitude[:, np.newaxis] * np.exp(1j * phases), count, axis=0).astype(np.float32)


def under(blocks: Iterable[Samples], tone: Samples) -> Iterator[Samples]:
    """`blocks` (n, channels) with the loop `tone` under them."""
    position = 0
    for block in blocks:
        yield block + np.take(tone, range(position, position + len(block)), axis=0, mode="wrap")
        position += len(block)


def _frames(path: Path) -> Iterator[Samples]:
    with soundfile.SoundFile(path) as file:
        step = max(round(EVERY_SECONDS * file.samplerate), -(-file.frames // MOST_LOOKS))
        for first in range(0, file.frames - FRAME + 1, step):
            file.seek(first)
            yield file.read(FRAME, dtype="float32", always_2d=True)


def _power(frame: Samples) -> Spectrum:
    """The mean over the channels, so that the sum over all frequencies is the mean square."""
    window = np.hanning(FRAME)
    spectrum = np.abs(np.fft.rfft(frame * window[:, np.newaxis], axis=0)) ** 2
    return np.asarray(2 * np.mean(spectrum, axis=1) / (FRAME * np.sum(window**2)))
