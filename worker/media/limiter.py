"""A look-ahead limiter of true peaks, block-wise. What needs no limiting comes out bit for bit; nothing is delayed."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from worker.engines.protocols import Samples

# Below what AAC may add to a peak (3 dB were seen on the way from −1.0 to +0.7 dBTP).
CEILING_DB = -2.0
RATE = 48_000
_LOOK_AHEAD = 240  # 5 ms to turn the gain down in
_RELEASE_DB = 30.0 / RATE  # a sample
# Between samples a peak is looked for by a windowed sinc at quarters (four times oversampled, as ITU-R BS.1770 has it).
_HALF = 12
_OFFSETS = np.arange(1 - _HALF, _HALF + 1)
_QUARTERS = np.stack(
    [np.sinc(_OFFSETS - part) * np.cos(np.pi * (_OFFSETS - part) / (2 * _HALF + 1)) for part in (0.25, 0.5, 0.75)], 1
).astype(np.float32)
# One of its two samples is at least so much of a peak between them, for any tone up to 12 kHz.
_NEAR = 0.7
_DELAY = _LOOK_AHEAD + _HALF

_Decibels = NDArray[np.float64]


def limit(blocks: Iterable[Samples], ceiling_db: float = CEILING_DB, *, riding: int = 0) -> Iterator[Samples]:
    """`blocks` (n, channels) with no true peak above `ceiling_db` (dBTP); as many samples, at the same times.

    The last channels that are `riding` get the others' gain and have no say in it.
    """
    limiter = _Limiter(10 ** (ceiling_db / 20), riding)
    for block in blocks:
        yield from limiter.take(block)
    yield from limiter.flush()


class _Limiter:
    """Holds back the last 5 ms, and remembers the gain's course so far (decibels, one value a sample)."""

    def __init__(self, ceiling: float, riding: int) -> None:
        self._ceiling = ceiling
        self._riding = riding
        self._past: Samples | None = None  # both known when the first block says how many channels there are
        self._held: Samples | None = None
        self._released = 0.0
        self._ahead = np.zeros(0)

    def take(self, block: Samples) -> Iterator[Samples]:
        """What can be let out now that `block` is known."""
        if self._past is None or self._held is None:
            self._past = np.zeros((_HALF, block.shape[1]), np.float32)
            self._held = np.zeros((0, block.shape[1]), np.float32)
        sound = np.concatenate([self._past, self._held, block])
        ready = len(sound) - _HALF - _DELAY
        if ready > 0:
            yield self._limited(sound, ready)
        self._past, self._held = sound[max(0, ready) :][:_HALF], sound[max(0, ready) + _HALF :]

    def flush(self) -> Iterator[Samples]:
        """What is left at the end."""
        if self._past is not None:
            yield from self.take(np.zeros((_DELAY, self._past.shape[1]), np.float32))

    def _limited(self, sound: Samples, ready: int) -> Samples:
        needed = _needed_gain(sound[:, : sound.shape[1] - self._riding], self._ceiling)
        out = sound[_HALF : _HALF + ready]
        if needed is None and self._released == 0.0 and not self._ahead.any():
            self._ahead = np.zeros(_LOOK_AHEAD - 1)
            return out
        gain = self._gain(np.zeros(ready + _LOOK_AHEAD) if needed is None else needed, ready)
        return out * (10 ** (gain[:, np.newaxis] / 20)).astype(np.float32)

    def _gain(self, needed: _Decibels, ready: int) -> _Decibels:
        """Down within the look-ahead (the least gain ahead, averaged: at a peak all of them cover it), up slowly."""
        ramp = _RELEASE_DB * np.arange(len(needed))
        least = np.minimum(np.minimum.accumulate(needed - ramp), self._released + _RELEASE_DB)
        released = np.minimum(needed, least + ramp)
        least_ahead = _minimum_ahead(released, _LOOK_AHEAD)
        if not len(self._ahead):  # before the file's start the gain is already what its start needs
            self._ahead = np.full(_LOOK_AHEAD - 1, least_ahead[0])
        ahead = np.concatenate([self._ahead, least_ahead])
        self._released = float(released[ready - 1])
        self._ahead = ahead[ready:]
        summed = np.concatenate([[0.0], np.cumsum(ahead)])
        gain: _Decibels = np.minimum(0.0, (summed[_LOOK_AHEAD:] - summed[:-_LOOK_AHEAD]) / _LOOK_AHEAD)
        return gain


def _needed_gain(sound: Samples, ceiling: float) -> _Decibels | None:
    """Decibels (≤ 0) that bring each sample of `sound`, less `_HALF` at both ends, to the ceiling. None: none does."""
    level = np.abs(sound[:, 0])
    for channel in range(1, sound.shape[1]):
        np.maximum(level, np.abs(sound[:, channel]), out=level)
    if level.max() <= _NEAR * ceiling:
        return None
    after = np.flatnonzero(np.maximum(level[_HALF - 1 : -_HALF], level[_HALF : 1 - _HALF]) > _NEAR * ceiling)
    if not len(after):  # what is loud lies at an end, and is another call's
        return None
    between = np.zeros(len(level) - 2 * _HALF + 1, np.float32)  # between each sample and the next, from _HALF − 1 on
    between[after] = _between(sound, after)
    peaks = np.maximum(level[_HALF:-_HALF], np.maximum(between[:-1], between[1:]))
    if peaks.max() <= ceiling:
        return None
    needed: _Decibels = np.minimum(0.0, 20 * np.log10(ceiling / np.maximum(peaks, ceiling).astype(np.float64)))
    return needed


def _between(sound: Samples, first: NDArray[np.intp]) -> Samples:
    """The largest level at the quarters in the middle of each window of samples that begins at `first`."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, 2 * _HALF, axis=0)[first]  # (n, channel, sample)
    levels = np.abs(windows.reshape(-1, 2 * _HALF) @ _QUARTERS).reshape(len(first), -1)
    largest: Samples = np.maximum.reduce(levels.T, initial=0.0)
    return largest


def _minimum_ahead(values: _Decibels, count: int) -> _Decibels:
    """min(values[n : n + count + 1]) for every n that has so many; by doubling, so log2(count) passes."""
    width, least = 1, values
    while 2 * width <= count + 1:
        least = np.minimum(least[:-width], least[width:])
        width *= 2
    rest = count + 1 - width
    return np.minimum(least[:-rest], least[rest:]) if rest else least
