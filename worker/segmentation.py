"""Words become segments: sentences or breath groups of one speaker, 1 to 12 seconds. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import langcodes

from shared.dubbing.transcript import DEFAULT_SPEAKER, UNSPACED, Segment, Word, numbered

LONGEST = 12.0  # seconds
SHORTEST = 1.0  # seconds; shorter only where a pause, a speaker or the end leaves no neighbour
PAUSE = 0.5  # seconds; a breath: ends a segment that is long enough
SENTENCE_PAUSE = 1.0  # seconds; where sentences are marked, an unfinished one goes on over shorter ones
LONG_PAUSE = 1.5  # seconds; ends any segment
_COMMA_WEIGHT = 0.3  # seconds of pause a comma is worth when a long segment has to be cut
_SENTENCE_END = re.compile(r"[.!?…。！？؟।][\"'”’»)\]]*$")
_CLAUSE_END = re.compile(r"[,;:—–、，；：،][\"'”’»)\]]*$")
_BRACKETS = {"[": "]", "(": ")", "<": ">", "*": "*", "♪": "♪", "♫": "♫"}
LONGEST_EVENT = 40  # words, which is a verse of a song
_ENGLISH_I = re.compile(r"\bi(?=$|['’\s.,!?])")


@dataclass(frozen=True, slots=True)
class _Spoken:
    word: Word
    speaker: str


def segmented(words: Sequence[Word], language: str, speakers: Sequence[str] | None = None) -> tuple[Segment, ...]:
    """The segments of `words`, which are in order of start; every word lands in exactly one, order kept.

    `speakers` names the speaker of each word; without it all is one speaker's. A segment longer than LONGEST
    is a single word's.
    """
    named = speakers if speakers is not None else [DEFAULT_SPEAKER] * len(words)
    spoken = [_Spoken(word, speaker) for word, speaker in zip(words, named, strict=True)]
    marked = any(_SENTENCE_END.search(word.text) for word in words)
    bare = not any(re.search(r"[.!?,]|[^\W\d_a-z]", word.text) for word in words)
    groups = [part for group in _groups(spoken, marked) for part in _short_enough(group)]
    return numbered(_segment(group, language, bare) for group in groups)


def are_events(texts: Sequence[str]) -> list[bool]:
    """Whether each word is no speech but what a recogniser tags: `[Music]`, `(laughs)`, `*sighs*`, `♪ … ♪`."""
    events: list[bool] = []
    closing = ""
    for number, text in enumerate(texts):
        opening = "" if closing else _closing(text, texts[number + 1 :])
        events.append(bool(closing or opening or not text.strip("♪♫ ")))
        closing = closing or opening
        if closing and (text.endswith(closing) and (len(text) > 1 or not opening)):
            closing = ""
    return events


def _closing(text: str, following: Sequence[str]) -> str:
    """What ends the event that `text` begins, where anything does; empty for speech."""
    end = _BRACKETS.get(text[:1], "")
    closed = len(text) > 1 and text.endswith(end)
    return end if end and (closed or any(word.endswith(end) for word in following[:LONGEST_EVENT])) else ""


def _groups(spoken: Sequence[_Spoken], marked: bool) -> list[list[_Spoken]]:
    groups: list[list[_Spoken]] = []
    for item in spoken:
        if groups and not _ends(groups[-1], item, marked):
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def _ends(group: Sequence[_Spoken], following: _Spoken, marked: bool) -> bool:
    """Whether `group` is over before the word `following`."""
    last, pause = group[-1], following.word.start - group[-1].word.end
    if last.speaker != following.speaker or pause >= LONG_PAUSE:
        return True
    finished = bool(_SENTENCE_END.search(last.word.text))
    joined = following.word.end - group[0].word.start
    breath = SENTENCE_PAUSE if marked and not finished and joined <= LONGEST else PAUSE
    return _length(group) >= SHORTEST and (pause >= breath or finished)


def _short_enough(group: list[_Spoken]) -> list[list[_Spoken]]:
    """`group` cut at its best places until no part is longer than LONGEST."""
    if _length(group) <= LONGEST or len(group) == 1:
        return [group]
    cut = max(range(1, len(group)), key=lambda index: _fitness(group, index))
    return [*_short_enough(group[:cut]), *_short_enough(group[cut:])]


def _fitness(group: Sequence[_Spoken], cut: int) -> tuple[bool, float, float]:
    """How good a cut before word `cut` is: no tiny part first, then the longest pause, then the middle."""
    before, after = group[:cut], group[cut:]
    pause = after[0].word.start - before[-1].word.end
    if _CLAUSE_END.search(before[-1].word.text):
        pause += _COMMA_WEIGHT
    return min(_length(before), _length(after)) >= SHORTEST, round(pause, 2), -abs(_length(before) - _length(after))


def _length(group: Sequence[_Spoken]) -> float:
    return max(item.word.end for item in group) - group[0].word.start


def _segment(group: Sequence[_Spoken], language: str, bare: bool) -> Segment:
    words = tuple(item.word for item in group)
    text = _written([word.text for word in words], language)
    end = max(word.end for word in words)
    return Segment(0, words[0].start, end, group[0].speaker, _sentence(text, language) if bare else text, words)


def _written(texts: Sequence[str], language: str) -> str:
    """The words as they are written in `language`: without spaces where it has none but around words of others."""
    if langcodes.get(language).language not in UNSPACED:
        return " ".join(texts)
    text = texts[0]
    for before, following in pairwise(texts):
        text += f" {following}" if before[-1:].isascii() and following[:1].isascii() else following
    return text


def _sentence(text: str, language: str) -> str:
    """Bare lower-case words as a sentence: translators and synthesisers read it better so."""
    if language.split("-")[0] == "en":
        text = _ENGLISH_I.sub("I", text)
    return text[:1].upper() + text[1:] + "."
