"""A transcript that came with the job: its times snapped to the voices heard, or found by forced alignment."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from shared.dubbing.transcript import DEFAULT_SPEAKER, GivenLine, GivenTranscript, Segment, Transcript, Word, numbered
from shared.errors import PermanentError
from worker.engines.protocols import ForcedAligner, Sound
from worker.onsets import SHORTEST, SNAP, UNSURE, on_voices
from worker.segmentation import are_events
from worker.spans import Span, total, union

# Voiced seconds aligned at once: an aligner's memory grows with them.
WINDOW = 300.0
_MARGIN = 0.2  # seconds of sound kept around each voice
_BESIDE = 0.15  # seconds that tell how loud it is before a voice, and in it
_FAR_DB = 10.0

ReadSpan = Callable[[float, float], Sound]


def timed(
    given: GivenTranscript,
    language: str,
    spans: Sequence[Span],
    *,
    read: ReadSpan,
    aligner: ForcedAligner | None,
    duration: float,
) -> Transcript:
    """The given transcript with the times of what is heard in `spans`, in a file of `duration` seconds.

    `read(start, end)` reads the file. Without times in `given` an `aligner` is needed.
    Raises PermanentError `transcript_does_not_match`, `transcript_needs_times`.
    """
    if given.timed:
        starts = (line.start for line in given.lines if line.start is not None)
        begun = from_their_beginning(spans, starts, lambda start, end: _sounds(read, start, end))
        return snapped(given, language, begun, duration)
    if aligner is None:
        raise PermanentError("transcript_needs_times", "No engine finds times here. Give the transcript with times.")
    return aligned(given, language, spans, aligner, read)


def spoken_only(given: GivenTranscript) -> GivenTranscript:
    """Without what subtitles for the deaf describe: `[Music]`, `(laughs)`, `♪ … ♪`; that stays in the original."""
    lines = (replace(line, text=_spoken(line.text)) for line in given.lines)
    return GivenTranscript(tuple(line for line in lines if line.text))


def _spoken(text: str) -> str:
    words = text.split()
    return " ".join(word for word, event in zip(words, are_events(words), strict=True) if not event)


def snapped(given: GivenTranscript, language: str, spans: Sequence[Span], duration: float) -> Transcript:
    """The timed lines with starts and ends moved to the voice's own where one is within half a second.

    Order is kept, and lines that did not overlap still do not. No line ends after `duration` (seconds).
    Raises PermanentError `transcript_does_not_match` for a line that starts after it.
    """
    lines = sorted(given.lines, key=lambda line: _span(line, duration))
    original = [_span(line, duration) for line in lines]
    moved = on_voices(original, spans)
    segments = (
        Segment(0, span.start, span.end, line.speaker or DEFAULT_SPEAKER, line.text)
        for line, span in zip(lines, moved, strict=True)
    )
    return Transcript(language, numbered(segments))


def from_their_beginning(
    spans: Sequence[Span], starts: Iterable[float], holds: Callable[[float, float], bool]
) -> list[Span]:
    """`spans`, but from one of `starts` where that `holds` against the voice's own start, a little later.

    Voice activity misses a soft, even beginning by up to 0.3 s (1 of 600 that were measured).
    """
    ordered, found = sorted(starts), []
    for before, span in pairwise([Span(0.0, 0.0), *spans]):
        at = bisect_left(ordered, span.start - SNAP)
        told = ordered[at] if at < len(ordered) and ordered[at] < span.start - UNSURE else span.start
        late = before.end <= told < span.start and holds(told, span.start)
        found.append(Span(told, span.end) if late else span)
    return found


def _sounds(read: ReadSpan, start: float, end: float) -> bool:
    """Whether what is heard from `start` to `end` is far from what is before, and near to what follows."""
    parts = ((max(0.0, start - _BESIDE), start), (start, end), (end, end + _BESIDE))
    before, between, after = (_level_db(read(*part)) for part in parts)
    return between >= before + _FAR_DB and between >= after - _FAR_DB


def _level_db(sound: Sound) -> float:
    """The level that three quarters of its hundredths of a second are above."""
    size = max(1, sound.rate // 100)
    frames = sound.samples[: len(sound.samples) // size * size].reshape(-1, size)
    powers = np.mean(np.square(frames), axis=1) if len(frames) else np.zeros(1)
    return float(10 * np.log10(np.quantile(powers, 0.25) + 1e-12))


def aligned(
    given: GivenTranscript, language: str, spans: Sequence[Span], aligner: ForcedAligner, read: ReadSpan
) -> Transcript:
    """The lines without times, each with the times its words are heard at.

    Up to WINDOW voiced seconds are aligned at once and exactly. Longer files are cut at long pauses and the lines
    shared out by their length: a line near such a cut can land on its wrong side where speech is very uneven.
    Raises PermanentError `transcript_does_not_match`.
    """
    if not spans:
        raise PermanentError("transcript_does_not_match", "No speech was found for the transcript to match.")
    windows = _windows(given.lines, spans)
    return Transcript(
        language, numbered(segment for window in windows for segment in _aligned(window, language, aligner, read))
    )


@dataclass(frozen=True, slots=True)
class _Window:
    spans: Sequence[Span]
    lines: Sequence[GivenLine]


def _aligned(window: _Window, language: str, aligner: ForcedAligner, read_span: ReadSpan) -> Iterator[Segment]:
    heard = union((Span(max(0.0, span.start - _MARGIN), span.end + _MARGIN) for span in window.spans), _MARGIN)
    sound, clock = _joined(heard, read_span)
    texts = [line.text.split() for line in window.lines]
    words = map(clock, aligner.align(sound, [word for text in texts for word in text], language))
    for line, text in zip(window.lines, texts, strict=True):
        own = tuple(next(words) for _ in text)
        end = max(own[-1].end, own[0].start + SHORTEST)
        yield Segment(0, own[0].start, end, line.speaker or DEFAULT_SPEAKER, line.text, own)


def _joined(spans: Sequence[Span], read_span: ReadSpan) -> tuple[Sound, Callable[[Word], Word]]:
    """The sound of `spans` without what lies between, and how a word's times in it become times in the file."""
    sounds = [read_span(span.start, span.end) for span in spans]
    begins = np.cumsum([0.0, *(sound.seconds for sound in sounds)])

    def part_of(time: float, side: Literal["left", "right"]) -> int:
        return max(0, min(int(np.searchsorted(begins, time, side=side)) - 1, len(spans) - 1))

    def clock(word: Word) -> Word:
        part, last = part_of(word.start, "right"), part_of(word.end, "left")
        if last > part and word.end - begins[last] > begins[part + 1] - word.start:
            # Most of it lies behind the pause: it is said there, and a line that it begins does not begin before it.
            begin = float(begins[last])
            word, part = replace(word, start=begin + min(_MARGIN, (word.end - begin) / 2)), last
        shift = spans[part].start - float(begins[part])
        end = min(word.end + shift, max(spans[part].end, word.start + shift))
        return replace(word, start=round(word.start + shift, 3), end=round(end, 3))

    return Sound(np.concatenate([sound.samples for sound in sounds]), sounds[0].rate), clock


def _windows(lines: Sequence[GivenLine], spans: Sequence[Span]) -> Iterator[_Window]:
    """The lines shared out over stretches of the file, in proportion to the voiced seconds of each."""
    parts = _parts(spans)
    heard = np.cumsum([total(part) for part in parts]) / total(spans)
    sizes = np.array([len(line.text) for line in lines], dtype=float)
    middles = (np.cumsum(sizes) - sizes / 2) / sizes.sum()
    owners = np.minimum(np.searchsorted(heard, middles), len(parts) - 1)
    for index, part in enumerate(parts):
        own = [line for line, owner in zip(lines, owners, strict=True) if owner == index]
        if own:
            yield _Window(part, own)


def _parts(spans: Sequence[Span]) -> list[Sequence[Span]]:
    """`spans` cut at the longest pause of their middle half until no part has over WINDOW voiced seconds."""
    if total(spans) <= WINDOW or len(spans) == 1:
        return [spans]
    quarter = len(spans) // 4
    middle = range(max(1, quarter), max(2, len(spans) - quarter))
    cut = max(middle, key=lambda index: spans[index].start - spans[index - 1].end)
    return [*_parts(spans[:cut]), *_parts(spans[cut:])]


def _span(line: GivenLine, duration: float) -> Span:
    assert line.start is not None
    assert line.end is not None
    if line.start >= duration:
        message = f"A line of the transcript starts after the end of the file: {line.text[:60]!r}."
        raise PermanentError("transcript_does_not_match", message)
    return Span(line.start, min(line.end, duration))
