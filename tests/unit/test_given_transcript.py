"""A given transcript: times are snapped without disorder; without times they are found."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dubbing.transcript import GivenLine, GivenTranscript, Word
from shared.errors import PermanentError
from tests.fakes import FakeAligner
from worker import given_transcript
from worker.engines.protocols import Sound
from worker.given_transcript import spoken_only, timed
from worker.spans import Span, union

RATE = 100


def read(start: float, end: float) -> Sound:
    return Sound(np.ones(round((end - start) * RATE), np.float32), RATE)


def snapped(lines: list[GivenLine], spans: list[Span], duration: float = 1000.0) -> list[tuple[float, float]]:
    transcript = timed(GivenTranscript(tuple(lines)), "en", spans, read=read, aligner=None, duration=duration)
    return [(segment.start, segment.end) for segment in transcript.segments]


def test_what_subtitles_describe_is_not_spoken():
    lines = (GivenLine("[Music]", 0, 1), GivenLine("(laughs) Hello there.", 1, 2), GivenLine("♪ la la ♪", 2, 3))
    assert spoken_only(GivenTranscript(lines)).lines == (GivenLine("Hello there.", 1, 2),)


def test_times_move_to_a_voice_that_is_near_only() -> None:
    spans = [Span(1.3, 4.2), Span(9.0, 12.0)]
    lines = [GivenLine("near", 1.0, 4.0), GivenLine("far", 6.0, 7.0), GivenLine("one end", 9.2, 11.0)]
    assert snapped(lines, spans) == [(1.3, 4.2), (6.0, 7.0), (9.0, 11.0)]


@pytest.mark.parametrize(("begins", "wanted"), [(1.0, 1.0), (1.3, 1.3)])
def test_a_voice_that_was_found_late_begins_where_the_line_says(begins: float, wanted: float) -> None:
    """A soft, even beginning is missed by voice activity; a subtitle that is early is followed by what was before."""
    rng = np.random.default_rng(1)
    sound = rng.normal(0, 0.01, 500).astype(np.float32)
    sound[round(begins * RATE) : 420] += rng.normal(0, 0.2, 420 - round(begins * RATE)).astype(np.float32)
    lines = GivenTranscript((GivenLine("soft", 1.0, 4.2),))
    segments = timed(
        lines, "en", [Span(1.3, 4.2)], aligner=None, duration=5.0,
        read=lambda start, end: Sound(sound[round(start * RATE) : round(end * RATE)], RATE),
    ).segments  # fmt: skip
    assert segments[0].start == wanted


def test_a_line_ends_with_the_file_at_the_latest() -> None:
    assert snapped([GivenLine("long", 1.0, 99.0)], [], 10.0) == [(1.0, 10.0)]
    with pytest.raises(PermanentError) as refused:
        snapped([GivenLine("late", 10.0, 11.0)], [], duration=10.0)
    assert refused.value.code == "transcript_does_not_match"


TIMES = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 40)), max_size=20)


@given(TIMES, TIMES)
def test_order_is_kept_and_no_overlap_is_made(times: list[tuple[int, int]], voices: list[tuple[int, int]]) -> None:
    lines = [GivenLine(str(n), s / 10, (s + d) / 10) for n, (s, d) in enumerate(sorted(times))]
    spans = union(Span(s / 10, (s + d) / 10) for s, d in voices)
    moved = snapped(lines, spans)
    assert len(moved) == len(lines)
    for line, (start, end) in zip(lines, moved, strict=True):
        assert line.start is not None
        assert line.end is not None
        assert abs(start - line.start) <= 0.5 + 1e-9
        assert abs(end - line.end) <= 0.5 + 1e-9
        assert start < end
    for (first, second), ((_, end), (start, _)) in zip(pairwise(lines), pairwise(moved), strict=True):
        assert first.end is not None
        assert second.start is not None
        assert end <= start or first.end > second.start


def test_without_times_every_line_gets_the_time_of_its_words() -> None:
    spans = [Span(2.0, 4.0), Span(10.0, 14.0)]
    given = GivenTranscript((GivenLine("one two", speaker="A"), GivenLine("three four five six", speaker="B")))
    segments = timed(given, "en", spans, read=read, aligner=FakeAligner(), duration=20.0).segments
    assert [(segment.text, segment.speaker, len(segment.words)) for segment in segments] == [
        ("one two", "A", 2), ("three four five six", "B", 4),
    ]  # fmt: skip
    voiced = [Span(span.start - 0.25, span.end + 0.25) for span in spans]
    for word in (word for segment in segments for word in segment.words):
        assert any(span.start <= word.start <= word.end <= span.end for span in voiced)


class Told:
    """Gives the times it was told to, in the sound without its pauses."""

    name = "told"
    model = "told-1"
    languages = frozenset({"en"})

    def __init__(self, *times: tuple[float, float]) -> None:
        self.times = times

    def align(self, sound: Sound, words: Sequence[str], language: str) -> list[Word]:
        return [Word(word, start, end) for word, (start, end) in zip(words, self.times, strict=True)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((2.2, 2.9), (9.0, 9.3)),  # most of it lies behind the pause
        ((2.2, 2.5), (3.0, 3.2)),  # most of it lies before
        ((2.45, 2.9), (8.85, 9.3)),  # all of it
    ],
)
def test_a_word_across_a_pause_is_where_most_of_it_is(said: tuple[float, float], expected: tuple[float, float]) -> None:
    """The voices are at 1.0 to 3.0 and 9.0 to 11.0; they are heard with 0.2 s around them, 2.4 s each."""
    aligner = Told((0.3, 2.2), said, (2.9, 4.5))
    lines = GivenTranscript((GivenLine("one"), GivenLine("the two")))
    spans = [Span(1.0, 3.0), Span(9.0, 11.0)]
    transcript = timed(lines, "en", spans, read=read, aligner=aligner, duration=20.0)
    word = transcript.segments[1].words[0]
    assert (word.start, word.end) == pytest.approx(expected)
    assert transcript.segments[1].start == word.start


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60), st.integers(1, 60))
def test_long_files_are_aligned_in_windows_and_no_line_is_lost(lengths: list[int], count: int) -> None:
    time, spans = 0.0, []
    for length in lengths:
        spans.append(Span(time + 1.0, time + 1.0 + length / 4))
        time = spans[-1].end
    lines = tuple(GivenLine(f"line {number} here") for number in range(count))
    given = GivenTranscript(lines)
    segments = timed(given, "en", spans, read=read, aligner=FakeAligner(), duration=time + 1).segments
    assert [segment.text for segment in segments] == [line.text for line in lines]
    assert all(left.start <= right.start for left, right in pairwise(segments))
    assert given_transcript.WINDOW == 300.0


def test_an_aligner_and_a_voice_are_needed() -> None:
    given = GivenTranscript((GivenLine("hello"),))
    with pytest.raises(PermanentError) as refused:
        timed(given, "en", [], read=read, aligner=FakeAligner(), duration=5.0)
    assert refused.value.code == "transcript_does_not_match"
    with pytest.raises(PermanentError) as refused:
        timed(given, "en", [Span(0, 1)], read=read, aligner=None, duration=5.0)
    assert refused.value.code == "transcript_needs_times"
