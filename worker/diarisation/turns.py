"""What is judged as one speaker's: words said without a pause, or the lines of a given transcript. Pure."""

import re
from collections.abc import Sequence

from shared.dubbing.transcript import Segment, Word
from worker.spans import Span

PAUSE = 0.2  # seconds; shorter ones lie within a speaker's breath
LONGEST = 10.0  # seconds that are listened to
_SENTENCE_END = re.compile(r"[.!?…。！？]$")


def turns(words: Sequence[Word]) -> list[list[Word]]:
    """`words` (in order of start) cut at every pause and after every sentence: one speaker's each."""
    runs: list[list[Word]] = []
    for word in words:
        last = runs[-1][-1] if runs else None
        if last and word.start - last.end < PAUSE and not _SENTENCE_END.search(last.text):
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def span_of(said: Sequence[Word | Segment]) -> Span:
    """The stretch to listen to."""
    start, end = said[0].start, max(item.end for item in said)
    return Span(start, min(end, start + LONGEST))
