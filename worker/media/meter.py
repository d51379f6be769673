"""Loudness (ITU-R BS.1770-5) of 48 kHz sound from the weighted power of its tenths of a second.

The K weighting is applied to the spectrum of each tenth, where ffmpeg's meter filters in time: no state, no filter to
import, and the same to 0.1 LU on speech and music (tests hold the two together).
"""

from collections.abc import Iterable, Iterator
from math import log10

import numpy as np
from numpy.typing import NDArray

from worker.engines.protocols import Samples
from worker.spans import Span

RATE = 48_000
STEP = RATE // 10
# A gating block is four tenths of a second long, a new one begins with every tenth.
BLOCK = 4
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0
OFFSET = -0.691
# Mono is measured as it is heard from two speakers, and the surround channels of 5.1 count more; the last is the bass.
WEIGHTS = {1: (2.0,), 2: (1.0, 1.0), 6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)}

Powers = NDArray[np.float64]

# The two filters of BS.1770 at 48 kHz, numerator and denominator.
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))


def _weighting() -> NDArray[np.float32]:
    """|H(f)|² of both filters at the frequencies of a tenth's spectrum, scaled so that the sum is the mean power."""
    z = np.exp(-2j * np.pi * np.arange(STEP // 2 + 1) / STEP)
    gain = np.prod(
        [np.abs(np.polyval(top[::-1], z) / np.polyval(low[::-1], z)) ** 2 for top, low in (_SHELF, _HIGH_PASS)], 0
    )
    both_sides = np.full(STEP // 2 + 1, 2.0)
    both_sides[[0, -1]] = 1.0
    return np.asarray(gain * both_sides / STEP**2, np.float32)


_K = _weighting()


class Meter:
    """Takes a sound block by block and remembers a number for each tenth of a second."""

    def __init__(self) -> None:
        self._left: Samples | None = None
        self._powers: list[Powers] = []

    def take(self, block: Samples) -> None:
        """The next samples, (n,) or (n, channels): 1, 2 or 6 channels."""
        if not len(block):
            return
        sound = block.reshape(len(block), -1)
        if self._left is not None and len(self._left):
            sound = np.concatenate([self._left, sound])
        whole = len(sound) - len(sound) % STEP
        self._left = sound[whole:].copy()
        if whole:
            self._powers.append(_powers(sound[:whole]))

    def heard(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        """`blocks` as they are, each taken on its way."""
        for block in blocks:
            self.take(block)
            yield block

    def powers(self) -> Powers:
        """The weighted mean power of each tenth; a last one that is not full counts as if silence followed."""
        if self._left is not None and len(self._left):
            rest = np.pad(self._left, ((0, STEP - len(self._left)), (0, 0)))
            return np.concatenate([*self._powers, _powers(rest)])
        return np.concatenate([np.zeros(0), *self._powers])


def lufs(powers: Powers, spans: Iterable[Span] | None = None) -> float | None:
    """Gated loudness; with `spans` (seconds) of those blocks whose middle lies in one. None: nothing is loud enough."""
    if len(powers) < BLOCK:
        powers = np.pad(powers, (0, BLOCK - len(powers)))
    summed = np.cumsum(np.concatenate([[0.0], powers]))
    blocks = np.maximum(0.0, summed[BLOCK:] - summed[:-BLOCK]) / BLOCK
    if spans is not None:
        blocks = blocks[_within(len(blocks), spans)]
    loud = blocks[blocks > _power(ABSOLUTE_GATE)]
    if not len(loud):
        return None
    return _decibels(float(np.mean(loud[loud > np.mean(loud) * 10 ** (RELATIVE_GATE / 10)])))


def line_lufs(samples: Samples) -> float | None:
    """The loudness of one spoken line, mono: gated; of one shorter than a gating block, over its own length.

    Second by second: spectra take several times what the sound does.
    """
    powers = measured(samples[first : first + RATE] for first in range(0, len(samples), RATE))
    if len(samples) < BLOCK * STEP:
        power = float(np.sum(powers)) * STEP / max(1, len(samples))
        return _decibels(power) if power > _power(ABSOLUTE_GATE) else None
    return lufs(powers)


def measured(blocks: Iterable[Samples]) -> Powers:
    """The powers of a whole sound."""
    meter = Meter()
    for block in blocks:
        meter.take(block)
    return meter.powers()


def _powers(sound: Samples) -> Powers:
    """(n, channels), n a multiple of a tenth: the channels' weighted power together."""
    channels = sound.shape[1]
    total = np.zeros(len(sound) // STEP)
    for channel, weight in enumerate(WEIGHTS[channels]):
        if weight:
            spectrum = np.fft.rfft(np.ascontiguousarray(sound[:, channel]).reshape(-1, STEP))
            total += weight * ((spectrum.real**2 + spectrum.imag**2) @ _K)
    return total


def _within(count: int, spans: Iterable[Span]) -> NDArray[np.bool_]:
    inside = np.zeros(count, bool)
    for start, end in spans:
        inside[max(0, round(10 * start - BLOCK / 2)) : max(0, round(10 * end - BLOCK / 2))] = True
    return inside


def _power(decibels: float) -> float:
    return float(10 ** ((decibels - OFFSET) / 10))


def _decibels(power: float) -> float:
    return OFFSET + 10 * log10(power)
