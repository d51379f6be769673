"""How loud a sound file is over time, for drawing it: read block by block, so that memory does not grow with it."""

from pathlib import Path

import numpy as np

from worker.media.audio import blocks


def peaks(path: Path, columns: int, seconds: float, rate: int = 48_000) -> list[float]:
    """The highest |sample| of any channel within each of `columns` equal parts of `seconds`; 0 where the file is over.

    Raises PermanentError `media_unreadable`.
    """
    highest = np.zeros(columns)
    edges = np.ceil(np.arange(columns + 1) * (seconds * rate / columns)).astype(int)  # a column's first sample
    at = 0
    for block in blocks(path):
        level = np.abs(block).max(axis=1)
        for column in range(np.searchsorted(edges, at, "right") - 1, np.searchsorted(edges[:-1], at + len(level))):
            within = level[max(0, edges[column] - at) : max(0, edges[column + 1] - at)]
            highest[column] = max(highest[column], within.max(initial=0.0))
        at += len(level)
    return [round(float(value), 3) for value in highest]
