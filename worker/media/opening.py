"""Where somebody begins to speak, found without listening to the rest."""

from collections.abc import Iterable, Iterator

import numpy as np

from worker.engines.protocols import Samples
from worker.media.voice_activity import RATE, voiced_spans

__all__ = ["RATE", "first_speech"]

# A shorter voice is a cough or a click.
LEAST_SECONDS = 0.3
# Listened to at once; each part begins with the end of the one before, so that no voice is cut in two.
PART_SECONDS = 30
OVERLAP_SECONDS = 2


def first_speech(blocks: Iterable[Samples]) -> float | None:
    """The start (seconds) of the first voice of at least 0.3 s; None: there is none.

    `blocks` are mono at 16 kHz and are read no further than half a minute past that voice.
    """
    for start, part in _parts(blocks):
        for span in voiced_spans(iter([part])):
            if span.seconds >= LEAST_SECONDS:
                return start + span.start
    return None


def _parts(blocks: Iterable[Samples]) -> Iterator[tuple[float, Samples]]:
    """Each part's start (seconds) and its samples."""
    gathered, begins, length = [np.zeros(0, np.float32)], 0, 0
    for block in blocks:
        gathered.append(block)
        length += len(block)
        if length >= PART_SECONDS * RATE:
            part = np.concatenate(gathered)
            yield begins / RATE, part
            rest = part[-OVERLAP_SECONDS * RATE :]
            begins += len(part) - len(rest)
            gathered, length = [rest], len(rest)
    if length:
        yield begins / RATE, np.concatenate(gathered)
