"""The voice track: every line at its place, silence between, one mono file as long as the source."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from worker.engines.protocols import Samples
from worker.media.audio import write_flac

RATE = 48_000
_SILENCE = np.zeros(RATE, np.float32)


def write(path: Path, placed: Iterable[tuple[float, Samples]], total_samples: int) -> None:
    """Write a mono 48 kHz 16-bit FLAC of exactly `total_samples`.

    `placed` has each line's start (seconds) and its samples (n,) at 48 kHz, in order of start. A line that peaks over
    full scale is scaled down whole; nothing is clipped or cut. Raises ValueError when a line would overlap the one
    before it or run past the end (the plan promised neither), TransientError `disk_full`, `disk_trouble`.
    """
    write_flac(path, _laid(placed, total_samples), RATE, 1)


def _laid(placed: Iterable[tuple[float, Samples]], total: int) -> Iterator[Samples]:
    position = 0
    for start, samples in placed:
        first = round(start * RATE)
        _check(first, position, len(samples), total)
        yield from _silence(first - position)
        yield _within_full_scale(samples)
        position = first + len(samples)
    yield from _silence(total - position)


def _check(first: int, position: int, count: int, total: int) -> None:
    if first < position:
        raise ValueError(f"a line at sample {first} overlaps the one that ends at {position}")
    if first + count > total:
        raise ValueError(f"a line ends at sample {first + count}, past the end at {total}")


def _silence(count: int) -> Iterator[Samples]:
    for left in range(count, 0, -RATE):
        yield _SILENCE[:left]


def _within_full_scale(samples: Samples) -> Samples:
    peak = float(np.max(np.abs(samples), initial=0.0))
    return samples / np.float32(peak) if peak > 1.0 else samples
