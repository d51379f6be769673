"""Lines of speech cut into cues that can be read."""

import math
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise, zip_longest

ROWS = 2
WIDTH = 42
# Where most characters are wide ones, as in Chinese, Japanese and Korean.
WIDE_WIDTH = 16
SHORTEST_SECONDS = 0.83
# Said more shortly than this, a sentence gets no cue of its own: what follows would come late.
SENTENCE_SECONDS = 0.5
LONGEST_SECONDS = 7.0
# How fast people read, in characters a second; a target, for speech may be faster.
READING_SPEED = 17.0
WIDE_READING_SPEED = 12.0

# How far from an even cut (as a share of a piece) a better place may be: behind a sentence, behind a clause.
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»」』)]*$")
_CLAUSE_END = re.compile(r"[,;:—–，、；：][\"'”’»」』)]*$")
SENTENCE_PULL, CLAUSE_PULL = 0.45, 0.3
_NEAR = 12  # tokens looked at on each side of an even cut
# A character with the marks and closing punctuation that may not begin a row.
_CLUSTER = re.compile(r".[^\w\s(\[{«“‘「『（【《〈]*", re.DOTALL)
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")

Token = tuple[str, str]  # what stands before it in the same row, and the text


@dataclass(frozen=True, slots=True)
class SubtitleLine:
    """What a speaker says from `start` to `end` (seconds from the start of the file)."""

    start: float
    end: float
    text: str
    speaker: str


@dataclass(frozen=True, slots=True)
class Cue:
    """What is on the screen from `start` to `end` (seconds, whole milliseconds): at most two rows of text."""

    start: float
    end: float
    text: str


def cues(lines: Iterable[SubtitleLine], duration_seconds: float | None = None) -> list[Cue]:
    """Cut `lines` into cues of at most 2 × 42 characters (16 where most are wide), one at a time, in order of start.

    Each shows for 0.83 to 7 s: a short one longer than it is said, pushing back what follows; and on, into a pause,
    until it can be read. Only where the file, `duration_seconds` long, has no room for all of them do they show for
    less. No text is lost.
    """
    return _timed([cue for line in sorted(lines, key=_order) for cue in _cut(line)], duration_seconds)


def bilingual(lines: Iterable[tuple[SubtitleLine, str]], duration_seconds: float | None = None) -> list[Cue]:
    """Like `cues`, with the second text of each line beneath its own: a row each, sentence beneath sentence where both
    have as many."""
    ordered = sorted(lines, key=lambda pair: _order(pair[0]))
    paired = (pair for line, beneath in ordered for pair in _sentence_pairs(line, beneath))
    return _timed([cue for line, beneath in paired for cue in _cut_pair(line, beneath)], duration_seconds)


def too_fast(cues: Iterable[Cue]) -> int:
    """How many have more characters a second than people read."""
    return sum(cue.end - cue.start < _reading_seconds(cue.text) - 0.001 for cue in cues)


def _order(line: SubtitleLine) -> tuple[float, float]:
    return line.start, line.end


def _timed(wanted: list[Cue], duration_seconds: float | None) -> list[Cue]:
    if not wanted:
        return []
    wanted.sort(key=lambda cue: cue.start)
    starts = _starts([cue.start for cue in wanted], duration_seconds)
    shortest = min([SHORTEST_SECONDS, *(after - start for start, after in pairwise(starts))])
    limits = [*starts[1:], math.inf if duration_seconds is None else duration_seconds]
    return [
        replace(cue, start=round(start, 3), end=round(min(_end(cue, start, shortest), limit), 3))
        for cue, start, limit in zip(wanted, starts, limits, strict=True)
    ]


def _end(cue: Cue, start: float, shortest: float) -> float:
    return min(max(cue.end, start + shortest, start + _reading_seconds(cue.text)), start + LONGEST_SECONDS)


def _reading_seconds(text: str) -> float:
    shown = len(text.replace("\n", ""))
    return shown / (READING_SPEED if _width(text) == WIDTH else WIDE_READING_SPEED)


def _cut(line: SubtitleLine) -> Iterator[Cue]:
    """The line's cues, its time shared out by their lengths."""
    yield from _shared_out(line, _texts(line.text, max(0.0, line.end - line.start)))


def _sentence_pairs(line: SubtitleLine, beneath: str) -> Iterator[tuple[SubtitleLine, str]]:
    """The line's sentences, each with its own beneath it and its share of the time: where both texts have as many, do
    not fit a row as they are, and none is said too shortly."""
    own, below = _sentences(line.text), _sentences(beneath)
    fits = all(len(" ".join(texts)) <= _width(" ".join(texts)) for texts in (own, below))
    parts = list(_shared_out(line, own))
    if fits or len(own) != len(below) or any(part.end - part.start < SENTENCE_SECONDS for part in parts):
        yield line, beneath
        return
    for part, second in zip(parts, below, strict=True):
        yield SubtitleLine(part.start, part.end, part.text, line.speaker), second


def _sentences(text: str) -> list[str]:
    sentences: list[list[str]] = [[]]
    for word in CONTROL.sub("", text).split():
        sentences[-1].append(word)
        if _SENTENCE_END.search(word):
            sentences.append([])
    return [" ".join(words) for words in sentences if words]


def _cut_pair(line: SubtitleLine, beneath: str) -> Iterator[Cue]:
    """Both texts in as many rows, one row of each at a time."""
    both = [(list(_tokens(text, width)), width) for text in (line.text, beneath) for width in (_width(text),)]
    pieces = max(1, math.ceil((line.end - line.start) / LONGEST_SECONDS))
    most = max(len(tokens) for tokens, _ in both)
    while most:
        parts = [_parts(tokens, min(pieces, len(tokens))) if tokens else [] for tokens, _ in both]
        rows = [[_rows(part, width) for part in own] for own, (_, width) in zip(parts, both, strict=True)]
        if pieces >= most or all(len(row) == 1 for own in rows for row in own):
            pairs = zip_longest(*([row[0] for row in own] for own in rows), fillvalue="")
            yield from _shared_out(line, ["\n".join(filter(None, pair)) for pair in pairs])
            return
        pieces += 1


def _shared_out(line: SubtitleLine, texts: Sequence[str]) -> Iterator[Cue]:
    seconds = max(0.0, line.end - line.start)
    total = sum(map(len, texts))
    said = 0
    for text in texts:
        start, said = line.start + seconds * said / total, said + len(text)
        yield Cue(start, line.start + seconds * said / total, text)


def _texts(text: str, seconds: float) -> list[str]:
    """The line in as few pieces as fit two rows, cut at sensible places, and enough of them that none has to show for
    too long."""
    width = _width(text)
    tokens = list(_tokens(text, width))
    pieces = min(max(1, math.ceil(seconds / LONGEST_SECONDS)), len(tokens))
    while tokens:
        for pull in (1.0, 0.0):
            parts = _parts(tokens, pieces, pull)
            if all(len(_rows(part, width)) <= ROWS for part in parts):
                return ["\n".join(_balanced(part, width)) for part in parts]
        pieces += 1
    return []


def _tokens(text: str, width: int) -> Iterator[Token]:
    """The words; those wider than a row, and text without spaces, by characters."""
    for word in CONTROL.sub("", text).split():
        before = " "
        for part in [word] if len(word) <= width else _CLUSTER.findall(word):
            for first in range(0, len(part), width):
                yield before, part[first : first + width]
                before = ""


def _parts(tokens: Sequence[Token], pieces: int, pull: float = 1.0) -> list[list[Token]]:
    """The tokens in `pieces` parts, none empty, about even; with `pull`, rather behind a sentence or a clause."""
    lengths = list(accumulate(len(before) + len(text) for before, text in tokens))
    piece = lengths[-1] / pieces
    cuts = [0]
    for number in range(1, pieces):
        first, last = cuts[-1] + 1, len(tokens) - (pieces - number)
        at = min(max(bisect_left(lengths, piece * number) + 1, first), last)
        near = range(max(first, at - _NEAR), min(last, at + _NEAR) + 1)
        cuts.append(
            min(near, key=lambda cut: abs(lengths[cut - 1] - piece * number) - pull * piece * _pull(tokens[cut - 1][1]))
        )
    return [list(tokens[start:end]) for start, end in pairwise([*cuts, len(tokens)])]


def _pull(text: str) -> float:
    if _SENTENCE_END.search(text):
        return SENTENCE_PULL
    return CLAUSE_PULL if _CLAUSE_END.search(text) else 0.0


def _rows(tokens: Iterable[Token], width: int) -> list[str]:
    """The tokens in rows of at most `width` characters, each as full as can be."""
    rows: list[str] = []
    for before, text in tokens:
        if rows and len(rows[-1]) + len(before) + len(text) <= width:
            rows[-1] += before + text
        else:
            rows.append(text)
    return rows


def _balanced(tokens: Sequence[Token], width: int) -> list[str]:
    """The rows of one cue, as even as they can be."""
    rows = _rows(tokens, width)
    for narrower in range(max(len(text) for _, text in tokens), width):
        if len(even := _rows(tokens, narrower)) <= len(rows):
            return even
    return rows


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return WIDE_WIDTH if 2 * wide > len("".join(text.split())) else WIDTH


def _starts(wanted: Sequence[float], duration_seconds: float | None) -> list[float]:
    """Times at least the shortest showing apart: pushed back by what comes before, pulled forward by the file's end."""
    starts: list[float] = []
    for start in wanted:
        starts.append(max(start, starts[-1] + SHORTEST_SECONDS if starts else 0.0))
    if duration_seconds is None:
        return starts
    limit = duration_seconds
    for index in reversed(range(len(starts))):
        starts[index] = limit = min(starts[index], limit - SHORTEST_SECONDS)
    if starts[0] < 0:
        return [duration_seconds * index / len(starts) for index in range(len(starts))]
    return starts
