"""How loud a sound file is over time, for drawing it: read block by block, so that memory does not grow with it."""

from pathlib import Path

import numpy as np

from worker.media.audio import blocks


def peaks(path: Path, columns: int, seconds: float, rate: int = 48_000) -> list[float]:
    """The highest |sample| of any channel within each of `columns` equal parts of `seconds`; 0 where the file is over.

    Raises PermanentError `media_unreadable`.
    """
    highest = np.zeros(columns)
    at = 0
    for block in blocks(path):
        level = np.abs(block).max(axis=1)
        where = ((at + np.arange(len(level))) * (columns / (seconds * rate))).astype(int)
        inside = where < columns
        np.maximum.at(highest, where[inside], level[inside])
        at += len(level)
    return [round(float(value), 3) for value in highest]
