"""The voice track: every line at its place, silence between, mono and as long as the source."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from worker.engines.protocols import Samples
from worker.media.audio import write_flac
from worker.media.meter import Meter, lufs

RATE = 48_000
_SILENCE = np.zeros(RATE, np.float32)


def write(path: Path, placed: Iterable[tuple[float, Samples]], total_samples: int) -> float | None:
    """Write a mono 48 kHz 16-bit FLAC of exactly `total_samples`; `placed` as for `laid`. Returns its loudness (LUFS).

    Raises ValueError as `laid` does, TransientError `disk_full`, `disk_trouble`.
    """
    meter = Meter()
    write_flac(path, meter.heard(laid(placed, total_samples)), RATE, 1)
    return lufs(meter.powers())


def laid(placed: Iterable[tuple[float, Samples]], total_samples: int) -> Iterator[Samples]:
    """The track in blocks (n,) of at most a second.

    `placed` has each line's start (seconds) and its samples (n,) at 48 kHz, in order of start; lines may overlap.
    One that would go over full scale is scaled down whole; nothing is clipped or cut. Raises ValueError when a line
    begins before the one ahead of it or runs past the end (the plan promised neither).
    """
    position, sounding = 0, _SILENCE[:0]  # what sounds on from `position`
    for start, samples in placed:
        first = round(start * RATE)
        _check(first, position, len(samples), total_samples)
        yield from _pieces(sounding[: first - position])
        yield from _silence(first - position - len(sounding))
        sounding, position = _added(sounding[first - position :], samples), first
    yield from _pieces(sounding)
    yield from _silence(total_samples - position - len(sounding))


def _check(first: int, position: int, count: int, total: int) -> None:
    if first < position:
        raise ValueError(f"a line at sample {first} begins before the one at {position}")
    if first + count > total:
        raise ValueError(f"a line ends at sample {first + count}, past the end at {total}")


def _pieces(samples: Samples) -> Iterator[Samples]:
    """Short ones: what is made of a block on its way takes a multiple of its memory."""
    for first in range(0, len(samples), RATE):
        yield samples[first : first + RATE]


def _silence(count: int) -> Iterator[Samples]:
    for left in range(count, 0, -RATE):
        yield _SILENCE[:left]


def _added(sounding: Samples, samples: Samples) -> Samples:
    """Both together from the first sample on, the new line no louder than leaves both within full scale."""
    both = np.zeros(max(len(sounding), len(samples)), np.float32)
    both[: len(sounding)] = sounding
    both[: len(samples)] += samples * _within_full_scale(both[: len(samples)], samples)
    return both


def _within_full_scale(sounding: Samples, samples: Samples) -> np.float32:
    if np.max(np.abs(sounding + samples), initial=0.0) <= 1.0:
        return np.float32(1.0)
    room = (1.0 - np.abs(sounding)) / np.maximum(np.abs(samples), 1e-9)
    return np.float32(max(0.0, float(np.min(room))))
