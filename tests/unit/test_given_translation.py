"""Given transcripts cut to a stretch, and given translations beside the source's lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dubbing.excerpt import Range
from shared.dubbing.transcript import GivenLine, GivenTranscript, Segment, Transcript
from shared.errors import PermanentError
from worker.given_translation import excerpted, lines_of

STRETCH = Range(10.0, 20.0)


def timed(*lines: tuple[str, float, float]) -> GivenTranscript:
    return GivenTranscript(tuple(GivenLine(*line) for line in lines))


def untimed(*texts: str) -> GivenTranscript:
    return GivenTranscript(tuple(GivenLine(text) for text in texts))


def heard(*times: tuple[float, float]) -> Transcript:
    return Transcript("en", tuple(Segment(i, *time, f"S{i}", f"line {i}") for i, time in enumerate(times)))


def test_lines_outside_go_and_lines_half_inside_stay():
    cut = excerpted(
        timed(("before", 1, 9), ("a", 8, 12), ("less", 7, 11), ("in", 13, 14), ("z", 18, 22), ("after", 21, 22)),
        STRETCH,
    )
    assert [(line.text, line.start, line.end) for line in cut.lines] == [("a", 0, 2), ("in", 3, 4), ("z", 8, 10)]


def test_all_of_it_stays_as_it_is():
    whole = untimed("a", "b")
    assert excerpted(whole, None) is whole


def test_an_excerpt_needs_times():
    with pytest.raises(PermanentError) as caught:
        excerpted(untimed("a"), STRETCH)
    assert caught.value.code == "excerpt_needs_times"


@given(st.lists(st.tuples(st.floats(0, 40), st.floats(0.01, 10)), max_size=20))
def test_what_is_kept_lies_within(spans):
    cut = excerpted(timed(*(("x", start, start + length) for start, length in spans)), STRETCH)
    assert all(0 <= line.start < line.end <= 10.0 + 1e-9 for line in cut.lines)


def test_times_are_its_own_and_are_moved_to_the_voices():
    from worker.spans import Span

    lines = lines_of(timed(("uno", 1.1, 2.0), ("dos", 5.0, 6.0)), "es", heard((0, 9)), [Span(1.0, 2.1)], duration=9)
    assert [(line.text, line.start, line.end) for line in lines] == [("uno", 1.0, 2.1), ("dos", 5.0, 6.0)]


def test_a_voice_that_was_found_late_begins_where_the_source_was_heard():
    from worker.spans import Span

    (line,) = lines_of(timed(("uno", 1.1, 2.0)), "es", heard((1.0, 2.0)), [Span(1.3, 2.0)], duration=9)
    assert line.start == 1.0


def test_without_times_one_line_goes_with_one():
    lines = lines_of(untimed("uno", "dos"), "es", heard((0, 1), (2, 3)), [], duration=9)
    assert [(line.id, line.text, line.start, line.speaker) for line in lines] == [
        (0, "uno", 0, "S0"), (1, "dos", 2, "S1"),
    ]  # fmt: skip


@pytest.mark.parametrize("texts", [("uno",), ("uno", "dos", "tres")])
def test_another_number_of_lines_is_refused(texts):
    with pytest.raises(PermanentError) as caught:
        lines_of(untimed(*texts), "es", heard((0, 1), (2, 3)), [], duration=9)
    assert caught.value.code == "target_transcript_mismatch"
    assert str(len(texts)) in caught.value.message


def test_in_an_excerpt_it_follows_the_lines_that_the_source_keeps():
    """The source's second line comes first in time, and its third lies outside."""
    source = timed(("b", 15, 16), ("a", 12, 13), ("c", 30, 31))
    lines = lines_of(
        untimed("be", "a", "ce"), "es", heard((2, 3), (5, 6)), [], duration=10, source=source, stretch=STRETCH
    )
    assert [line.text for line in lines] == ["a", "be"]
