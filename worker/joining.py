"""Pieces that overlap become one row of words again: none doubled, none lost, each speaker under one name. Pure."""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.dubbing.transcript import Word

TOLERANCE = 0.6  # seconds between the times that two passes give the same word
USUAL_DIFFERENCE = 0.15  # … and how far apart they commonly are
LEAST_OVERLAP = 0.05  # seconds; less is rounding, and holds no word
_MEANINGLESS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Part:
    """What was heard from `start` to `end` (seconds of the file): words in order, and who says each, if told.

    A speaker's name means the same person in all parts that have it.
    """

    start: float
    end: float
    words: tuple[Word, ...]
    speakers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """All words in order of start, and the speaker of each: the name that the first part to hear that person gave.

    None where no part told any.
    """

    words: tuple[Word, ...]
    speakers: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class _Said:
    word: Word
    speaker: str | None

    @property
    def middle(self) -> float:
        return (self.word.start + self.word.end) / 2


Pair = tuple[int, int]


def joined(parts: Sequence[Part]) -> Joined:
    """The words of `parts`, which are in order of start and may overlap.

    Where two parts overlap, both have heard the same: they are joined at the word common to both that is nearest to
    the overlap's middle, for what a cut went through is heard wrong near the cut. With no common word they are joined
    at the middle itself. Speakers who say common words are the same person.
    """
    rows = [_row(part) for part in parts]
    names = _names(parts, rows)
    said: list[_Said] = []
    end = 0.0
    for part, row in zip(parts, rows, strict=True):
        said = _continued(said, row, part.start, end)
        end = max(end, part.end)
    said.sort(key=lambda item: item.word.start)
    return Joined(tuple(item.word for item in said), _speakers(said, names))


def common(left: Sequence[Word], right: Sequence[Word]) -> list[Pair]:
    """The words that both rows have, as pairs of indices: same text, times at most TOLERANCE apart, order kept.

    The heaviest common subsequence, where a pair weighs the more the closer its times are: in "no, no, no" the third
    is not taken for the second.
    """
    best = [[(0.0, (0, 0))] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            candidates = [(best[i][j + 1][0], (-1, 0)), (best[i + 1][j][0], (0, -1))]
            if (likeness := _likeness(a, b)) > 0:
                candidates.append((best[i][j][0] + likeness, (-1, -1)))
            best[i + 1][j + 1] = max(candidates)
    return list(_path(best, len(left), len(right)))[::-1]


def _path(best: list[list[tuple[float, Pair]]], i: int, j: int) -> Iterator[Pair]:
    while i and j:
        step = best[i][j][1]
        if step == (-1, -1):
            yield i - 1, j - 1
        i, j = i + step[0], j + step[1]


def _likeness(a: Word, b: Word) -> float:
    """0 for different words; else up to 1, the more the closer they are."""
    apart = abs(a.start + a.end - b.start - b.end) / 2
    if apart > TOLERANCE or _plain(a.text) != _plain(b.text):
        return 0.0
    return math.exp(-((apart / USUAL_DIFFERENCE) ** 2))


def _plain(text: str) -> str:
    return _MEANINGLESS.sub("", text).casefold() or text


def _row(part: Part) -> list[_Said]:
    speakers = part.speakers if part.speakers is not None else [None] * len(part.words)
    return [_Said(word, speaker) for word, speaker in zip(part.words, speakers, strict=True)]


def _continued(said: list[_Said], row: list[_Said], start: float, end: float) -> list[_Said]:
    """`said`, which was heard until `end`, and after it `row`, heard from `start` on."""
    if end - start < LEAST_OVERLAP:
        return said + row
    if not any(item.middle > start for item in said) or not any(item.middle < end for item in row):
        return said + row  # in the overlap one of them heard nothing, and takes nothing away
    middle = (start + end) / 2
    pairs = _common(said, row, start, end)
    if not pairs:
        return [s for s in said if s.middle < middle] + [s for s in row if s.middle >= middle]
    i, j = min(pairs, key=lambda pair: abs(said[pair[0]].middle - middle))
    return said[: i + 1] + row[j + 1 :]


def _common(said: Sequence[_Said], row: Sequence[_Said], start: float, end: float) -> list[Pair]:
    """The common words of the overlap, as indices of `said` and `row`."""
    first = next((i for i, item in enumerate(said) if item.word.end > start - TOLERANCE), len(said))
    last = next((j for j, item in enumerate(row) if item.word.start > end + TOLERANCE), len(row))
    left, right = [item.word for item in said[first:]], [item.word for item in row[:last]]
    return [(first + i, j) for i, j in common(left, right)]


def _names(parts: Sequence[Part], rows: Sequence[list[_Said]]) -> dict[str, str]:
    """Each speaker's name, as the name that the first part to hear that person gave."""
    names = {item.speaker: item.speaker for row in rows for item in row if item.speaker is not None}
    for (before, after), (left, right) in zip(pairwise(parts), pairwise(rows), strict=True):
        for old, new in _same(left, right, after.start, before.end):
            names[new] = names[old]
    return names


def _same(left: Sequence[_Said], right: Sequence[_Said], start: float, end: float) -> Iterator[tuple[str, str]]:
    """Speakers of neighbouring parts who are one person: (name in `left`, name in `right`); each at most once."""
    if end - start < LEAST_OVERLAP:
        return
    seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
    for i, j in _common(left, right, start, end):
        old, new = left[i].speaker, right[j].speaker
        if old is not None and new is not None:
            seconds[old, new] += left[i].word.end - left[i].word.start
    known = {item.speaker for item in left} & {item.speaker for item in right}
    taken = set(known)
    for old, new in sorted(seconds, key=lambda pair: -seconds[pair]):
        if not {old, new} & taken:
            taken |= {old, new}
            yield old, new


def _speakers(said: Sequence[_Said], names: dict[str, str]) -> tuple[str, ...] | None:
    """A word of nobody's is the last speaker's, or the first one's."""
    last = next((names[item.speaker] for item in said if item.speaker is not None), None)
    if last is None:
        return None
    speakers = []
    for item in said:
        last = last if item.speaker is None else names[item.speaker]
        speakers.append(last)
    return tuple(speakers)
