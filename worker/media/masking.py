"""The background under a voice that is known about: what the voice explains of each frequency at each moment goes.

A voice that a model isolated is not the original's voice to the sample: its phases differ, and taking the one from the
other would leave an echo of it. Powers are alike, though, so the original is turned down, frequency by frequency, by
the share of its power that the voice has (spectral subtraction, Boll 1979, with the over-subtraction and the floor of
Berouti et al. 1979). Where there is no voice nothing changes.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from worker.engines.protocols import Samples

WINDOW, HOP = 2048, 512  # samples: 43 and 11 ms at 48 kHz
OVER = 2.0  # how many times the voice's power is taken off, for what its estimate misses
FLOOR = 0.01  # −40 dB: how far a frequency is turned down at the most
LEAD = WINDOW - HOP
_TAPER = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
_GAIN = HOP / np.sum(_TAPER**2)  # what overlapping windows add up to, undone
_TINY = 1e-12


def without_voice(mix: Iterable[Samples], voice: Iterable[Samples], gain: float = 1.0) -> Iterator[Samples]:
    """The background of `mix`, in blocks (n, channels) as long together as `mix`; memory does not grow with it.

    `voice` (blocks (n,), silence after its end) is the voice in the middle of `mix`, in step with it; `gain` is what
    it has to be multiplied with to be as loud as it is in there.
    """
    known, masking, owed, late = _Stream(voice), None, 0, LEAD
    for block in mix:
        masking = masking or _Masking(block.shape[1])
        owed += len(block)
        made = masking.push(block, known.take(len(block)) * np.float32(gain))
        early, late = min(late, len(made)), max(0, late - len(made))
        owed -= len(made) - early
        yield made[early:]
    if masking is not None:
        rest = np.zeros((WINDOW + LEAD, masking.channels), np.float32)
        yield masking.push(rest, rest[:, 0])[late:][:owed]


class _Masking:
    """The windows over a mix and a voice that come bit by bit; the result comes LEAD samples late."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self._mix = np.zeros((LEAD, channels), np.float32)
        self._voice = np.zeros(LEAD, np.float32)
        self._open = np.zeros((LEAD, channels), np.float32)  # what further windows still add to

    def push(self, mix: Samples, voice: Samples) -> Samples:
        """What is complete now, (n, channels)."""
        self._mix, self._voice = np.concatenate((self._mix, mix)), np.concatenate((self._voice, voice))
        count = max(0, (len(self._mix) - WINDOW) // HOP + 1)
        if not count:
            return self._mix[:0]
        windows = sliding_window_view(self._mix, WINDOW, axis=0)[: count * HOP : HOP]  # (count, channels, WINDOW)
        known = sliding_window_view(self._voice, WINDOW)[: count * HOP : HOP]
        made = np.zeros((count * HOP + LEAD, self.channels), np.float32)
        made[:LEAD] = self._open
        for number, window in enumerate(_masked(windows, known)):
            made[number * HOP : number * HOP + WINDOW] += window.T
        self._mix, self._voice = self._mix[count * HOP :], self._voice[count * HOP :]
        self._open = made[count * HOP :]
        return made[: count * HOP]


def _masked(windows: Samples, known: Samples) -> Samples:
    """Windows (count, channels, WINDOW) without what `known` (count, WINDOW) explains of their middle, tapered."""
    spectra = np.fft.rfft(windows * _TAPER, axis=-1)
    middle, voice = _power(spectra.mean(axis=1)), _power(np.fft.rfft(known * _TAPER, axis=-1))
    left = np.maximum(0.0, 1.0 - OVER * voice / np.maximum(middle, _TINY))
    mask = np.maximum(FLOOR, np.sqrt(left))
    made = np.fft.irfft(spectra * mask[:, np.newaxis], WINDOW, axis=-1)
    masked: Samples = (made * (_TAPER * _GAIN)).astype(np.float32)
    return masked


def _power(spectra: NDArray[np.complex128]) -> NDArray[np.float64]:
    """The power of each frequency, evened out over its neighbours: single ones that come and go would twitter."""
    power = np.square(np.abs(spectra))
    padded = np.pad(power, ((0, 0), (1, 1)), mode="edge")
    even: NDArray[np.float64] = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3
    return even


class _Stream:
    """Blocks (n,) in pieces of any length; silence after the end."""

    def __init__(self, blocks: Iterable[Samples]) -> None:
        self._blocks = iter(blocks)
        self._left = np.zeros(0, np.float32)

    def take(self, count: int) -> Samples:
        """The next `count` samples."""
        parts = [self._left]
        while sum(map(len, parts)) < count and (block := next(self._blocks, None)) is not None:
            parts.append(block)
        joined = np.concatenate(parts)
        self._left = joined[count:]
        taken: Samples = np.pad(joined[:count], (0, max(0, count - len(joined))))
        return taken


def fit(mix: Samples, voice: Samples, most: int) -> tuple[int, float]:
    """How many samples `voice` (n,) is late in `mix` (n,), `most` at the most, and the gain it has in there.

    The lag is where they correlate the best. The gain is what most of the voice's strongest moments agree on: where a
    voice is strong nothing else is, so there both should have the same power.
    """
    size = 1 << (len(mix) + len(voice)).bit_length()
    product = np.fft.irfft(np.fft.rfft(mix, size) * np.conj(np.fft.rfft(voice, size)), size)
    near = np.concatenate((product[-most:], product[: most + 1]))
    lag = int(np.argmax(near)) - most
    return lag, _gain(shifted(mix, -lag)[: len(voice)], voice)


def shifted(samples: Samples, lag: int) -> Samples:
    """`samples` (n,), `lag` samples later (earlier below 0)."""
    moved: Samples = np.pad(samples, (lag, 0)) if lag >= 0 else samples[-lag:]
    return moved


def _gain(mix: Samples, voice: Samples) -> float:
    count = min(len(mix), len(voice)) // WINDOW
    ours, theirs = (
        np.abs(np.fft.rfft(part[: count * WINDOW].reshape(count, WINDOW) * _TAPER)).ravel() for part in (mix, voice)
    )
    strong = np.argsort(theirs)[-max(1, len(theirs) // 200) :] if len(theirs) else np.zeros(0, int)
    strong = strong[theirs[strong] > _TINY]
    return float(np.median(ours[strong] / theirs[strong])) if len(strong) else 0.0


def crossfaded(parts: Iterable[Iterable[Samples]], overlap: int) -> Iterator[Samples]:
    """Parts of one sound, each beginning with the last `overlap` samples of its predecessor, as one; blocks (n, …)."""
    before: Samples | None = None
    for part in parts:
        held: Samples | None = None
        for block in part:
            held = block if held is None else np.concatenate((held, block))
            if before is not None and len(held) >= overlap:
                held, before = _faded(before, held), None
            if before is None and len(held) > overlap:
                yield held[: len(held) - overlap]
                held = held[len(held) - overlap :]
        if held is not None:
            before = held if before is None else _faded(before, held)
    if before is not None:
        yield before


def _faded(before: Samples, after: Samples) -> Samples:
    """`after`, whose beginning is `before` once more: from the one to the other."""
    count = min(len(before), len(after))
    up = (np.arange(1, count + 1, dtype=np.float32) / (count + 1)).reshape(-1, *[1] * (after.ndim - 1))
    both = before[:count] * (1 - up) + after[:count] * up
    return np.concatenate((both, after[count:]))
