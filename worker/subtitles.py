"""Subtitles: lines of speech cut into cues that can be read, and SRT and WebVTT texts that no line can break."""

import html
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

ROWS = 2
WIDTH = 42
# Where most characters are wide ones, as in Chinese, Japanese and Korean.
WIDE_WIDTH = 16
SHORTEST_SECONDS = 0.83
LONGEST_SECONDS = 7.0

# SubRip has no escapes. A character that is not seen keeps apart what a player would take for markup or a time line.
ZERO_WIDTH_SPACE = "\u200b"
_SRT_MARKUP = re.compile(r"--(?=>)|<(?=[A-Za-z/!])|\{(?=\\)|\d:(?=\d\d:\d\d[.,]\d)")
# A character with the marks and closing punctuation that may not begin a row.
_CLUSTER = re.compile(r".[^\w\s(\[{«“‘「『（【《〈]*", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")

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

    Each shows for 0.83 to 7 s: a short one longer than it is said, pushing back what follows. Only where the file,
    `duration_seconds` long, has no room for all of them do they show for less. No text is lost.
    """
    wanted = [cue for line in sorted(lines, key=lambda line: (line.start, line.end)) for cue in _cut(line)]
    if not wanted:
        return []
    wanted.sort(key=lambda cue: cue.start)
    starts = _starts([cue.start for cue in wanted], duration_seconds)
    shortest = min([SHORTEST_SECONDS, *(after - start for start, after in pairwise(starts))])
    limits = [*starts[1:], math.inf if duration_seconds is None else duration_seconds]
    return [
        _timed(cue, start, min(max(cue.end, start + shortest), start + LONGEST_SECONDS, limit))
        for cue, start, limit in zip(wanted, starts, limits, strict=True)
    ]


def to_srt(cues: Sequence[Cue]) -> str:
    """The cues as SubRip."""
    blocks = (
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{_srt_text(cue.text)}\n"
        for number, cue in enumerate(cues, 1)
    )
    return "\n".join(blocks)


def to_vtt(cues: Sequence[Cue]) -> str:
    """The cues as WebVTT (W3C), with `&`, `<` and `>` as character references."""
    blocks = (
        f"\n{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{html.escape(_rows_of(cue.text), quote=False)}\n"
        for cue in cues
    )
    return "WEBVTT\n" + "".join(blocks)


def _cut(line: SubtitleLine) -> Iterator[Cue]:
    """The line's cues, its time shared out by their lengths."""
    seconds = max(0.0, line.end - line.start)
    texts = _texts(line.text, seconds)
    total = sum(map(len, texts))
    said = 0
    for text in texts:
        start, said = line.start + seconds * said / total, said + len(text)
        yield Cue(start, line.start + seconds * said / total, text)


def _texts(text: str, seconds: float) -> list[str]:
    """The line in as few even pieces as fit two rows, and enough of them that none has to show for too long."""
    width = _width(text)
    tokens = list(_tokens(text, width))
    pieces = min(max(1, math.ceil(seconds / LONGEST_SECONDS)), len(tokens))
    while tokens:
        parts = _parts(tokens, pieces)
        if all(len(_rows(part, width)) <= ROWS for part in parts):
            return ["\n".join(_balanced(part, width)) for part in parts]
        pieces += 1
    return []


def _tokens(text: str, width: int) -> Iterator[Token]:
    """The words; those wider than a row, and text without spaces, by characters."""
    for word in _CONTROL.sub("", text).split():
        before = " "
        for part in [word] if len(word) <= width else _CLUSTER.findall(word):
            for first in range(0, len(part), width):
                yield before, part[first : first + width]
                before = ""


def _parts(tokens: Sequence[Token], pieces: int) -> list[list[Token]]:
    """The tokens in `pieces` parts of about the same length, none empty."""
    total = sum(len(before) + len(text) for before, text in tokens)
    parts: list[list[Token]] = [[]]
    done = 0
    for left, (before, text) in zip(range(len(tokens), 0, -1), tokens, strict=True):
        wanted = pieces - len(parts)
        if parts[-1] and wanted and (done >= total * len(parts) / pieces or left <= wanted):
            parts.append([])
        parts[-1].append((before, text))
        done += len(before) + len(text)
    return parts


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


def _timed(cue: Cue, start: float, end: float) -> Cue:
    return replace(cue, start=round(start, 3), end=round(end, 3))


def _time(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{milliseconds:03}"


def _rows_of(text: str) -> str:
    """The text without blank rows, which would end a cue, and without control characters."""
    rows = (row.strip() for row in _CONTROL.sub("", text).splitlines())
    return "\n".join(row for row in rows if row)


def _srt_text(text: str) -> str:
    return _SRT_MARKUP.sub(lambda found: found[0] + ZERO_WIDTH_SPACE, _rows_of(text))
