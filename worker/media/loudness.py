"""How loud the dub should be: rules on plain numbers. Loudness is in LUFS and gain in dB (ITU-R BS.1770, EBU R 128)."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Span = tuple[float, float]

QUIETEST_DIALOGUE_LUFS = -27.0
LOUDEST_DIALOGUE_LUFS = -16.0
# Where the source gives nothing to go by: the target of EBU R 128.
DEFAULT_DIALOGUE_LUFS = -23.0


def target_lufs(source_lufs: float | None) -> float:
    """The dialogue loudness to aim at: the source's (gated, over its speech spans), clamped to −27…−16 LUFS."""
    if source_lufs is None:
        return DEFAULT_DIALOGUE_LUFS
    return min(max(source_lufs, QUIETEST_DIALOGUE_LUFS), LOUDEST_DIALOGUE_LUFS)


def gain_db(measured_lufs: float | None, wanted_lufs: float) -> float:
    """The gain that brings `measured_lufs` to `wanted_lufs`; 0 where nothing was measured."""
    return 0.0 if measured_lufs is None else wanted_lufs - measured_lufs


def amplitude(decibels: float) -> float:
    """The factor on samples that is a gain of `decibels`."""
    return float(10.0 ** (decibels / 20.0))


def decibels(amplitude: float) -> float:
    """The gain in dB of a factor on samples; −inf for 0."""
    return float(20.0 * np.log10(amplitude)) if amplitude > 0 else float("-inf")


def speech_only(blocks: Iterable[Samples], spans: Sequence[Span], rate: int) -> Iterator[Samples]:
    """Of consecutive `blocks` (n, channels), only the samples inside `spans`, (start, end) in seconds, each once."""
    edges = _sample_edges(spans, rate)
    first = 0
    for block in blocks:
        last = first + len(block)
        while edges and edges[0][1] <= first:
            edges.pop(0)
        for start, end in edges:
            if start >= last:
                break
            yield block[max(start, first) - first : min(end, last) - first]
        first = last


def _sample_edges(spans: Iterable[Span], rate: int) -> list[tuple[int, int]]:
    """The spans in samples, in order, overlaps joined."""
    edges: list[tuple[int, int]] = []
    for start, end in sorted((max(0, round(s * rate)), round(e * rate)) for s, e in spans):
        if edges and start <= edges[-1][1]:
            edges[-1] = (edges[-1][0], max(end, edges[-1][1]))
        elif end > start:
            edges.append((start, end))
    return edges
