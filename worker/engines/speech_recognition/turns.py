"""Who speaks when, put together with words that another pass timed. Pure."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import accumulate, pairwise
from typing import NamedTuple

from shared.dubbing.transcript import Word

_MEANINGLESS = re.compile(r"[\W_]+")


class Turn(NamedTuple):
    """What one speaker says from `start` to `end` (seconds)."""

    start: float
    end: float
    speaker: str
    text: str = ""


def speakers_of(words: Sequence[Word], turns: Sequence[Turn]) -> tuple[str, ...] | None:
    """The speaker of each word: of the turn that it overlaps longest, else of the nearest; None without turns."""
    if not turns:
        return None
    return tuple(max(turns, key=lambda turn: _overlap(word, turn)).speaker for word in words)


def _overlap(word: Word, turn: Turn) -> float:
    """Seconds that both have; below zero, the seconds between them."""
    return min(word.end, turn.end) - max(word.start, turn.start)


def spread(text: str, start: float, end: float, confidence: float = 1.0) -> list[Word]:
    """The words of `text` over that time, each as long as its letters: a guess, good for a sentence or two."""
    texts = text.split()
    ends = list(accumulate(map(len, texts)))
    times = [start, *(round(start + (end - start) * done / ends[-1], 3) for done in ends)]
    return [Word(each, *between, confidence) for each, between in zip(texts, pairwise(times), strict=True)]


def punctuated(words: Sequence[str], text: str) -> list[str]:
    """`words`, which carry no punctuation, as `text` writes them, which does; a word it writes otherwise stays."""
    written = text.split()
    plain = [_plain(word) for word in words], [_plain(word) for word in written]
    found = list(words)
    for mine, theirs, size in SequenceMatcher(None, *plain, autojunk=False).get_matching_blocks():
        found[mine : mine + size] = written[theirs : theirs + size]
    return found


def _plain(text: str) -> str:
    return _MEANINGLESS.sub("", text).casefold() or text
