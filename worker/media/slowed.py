"""Sound on a slower clock, at its own pitch: what is not slowed stays as it is, to the sample."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from python_stretch import Signalsmith

from worker.engines.protocols import Samples
from worker.media.audio import BLOCK_FRAMES, read_span
from worker.timeline import Warp

RATE = 48_000
# Slowed sound goes over into what is around it within so many frames (10 ms).
FADE = 480
# The stretcher gets this much of what is around, so that it has begun when it is heard (seconds).
AROUND = 0.1
_SEED = 1


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Frames `first` to `last` of the source become `count` frames."""

    first: int
    last: int
    count: int


def slowed(path: Path, warp: Warp) -> Iterator[Samples]:
    """The 48 kHz sound on the clock of `warp`, in blocks (n, channels): round(48000 · duration) frames in all.

    Memory grows with the longest slowed stretch, not with the file.
    """
    tail: Samples | None = None  # how what was before would go on: faded out while what follows is faded in
    for part in _stretches(warp):
        blocks, after = _part(path, part)
        first = next(blocks)
        yield first if tail is None else _joined(tail, first)
        yield from blocks
        tail = after


def _joined(tail: Samples, block: Samples) -> Samples:
    """`block`, faded in while `tail`, which goes on from what was before it, is faded out."""
    count = min(len(tail), len(block))
    ramp = (np.arange(count, dtype=np.float32)[:, np.newaxis] + 0.5) / count
    return np.concatenate((tail[:count] * (1 - ramp) + block[:count] * ramp, block[count:]))


def _stretches(warp: Warp) -> Iterator[_Stretch]:
    """All of the source, slowed or not, in order."""
    edges = [0.0, *(time for slow in warp.slows for time in (slow.start, slow.end)), warp.seconds]
    frames, moved = [round(time * RATE) for time in edges], [round(time * RATE) for time in warp.at(edges)]
    for index in range(len(edges) - 1):
        if frames[index + 1] > frames[index]:
            yield _Stretch(frames[index], frames[index + 1], moved[index + 1] - moved[index])


def _part(path: Path, part: _Stretch) -> tuple[Iterator[Samples], Samples]:
    """The part in blocks, and how it would go on, for the time of a fade."""
    if part.count != part.last - part.first:
        samples = _stretched(path, part)
        return iter([samples[: part.count]]), samples[part.count :]
    ends = ((first, min(part.last, first + BLOCK_FRAMES)) for first in range(part.first, part.last, BLOCK_FRAMES))
    blocks = (_exactly(_read(path, first, last), last - first) for first, last in ends)
    return blocks, _read(path, part.last, part.last + FADE)


def _stretched(path: Path, part: _Stretch) -> Samples:
    """The part at its own pitch, and what comes after it for the time of a fade."""
    around = round(AROUND * RATE)
    before = min(around, part.first)
    samples = _read(path, part.first - before, part.last + around)
    ratio = part.count / (part.last - part.first)
    stretcher = Signalsmith.Stretch(_SEED)
    stretcher.preset(samples.shape[1], RATE)
    stretcher.setTimeFactor(1 / ratio)
    out = np.asarray(stretcher.process(np.ascontiguousarray(samples.T, np.float32)), np.float32).T
    return _exactly(out[round(before * ratio) :], part.count + FADE)


def _read(path: Path, first: int, last: int) -> Samples:
    return read_span(path, first / RATE, last / RATE)


def _exactly(samples: Samples, count: int) -> Samples:
    return samples[:count] if len(samples) >= count else np.pad(samples, ((0, count - len(samples)), (0, 0)))
