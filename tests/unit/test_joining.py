"""Overlapping pieces become one row of words, whatever lies where they were cut."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.dubbing.transcript import Word
from worker.joining import Part, common, joined

VOCABULARY = ("the", "old", "mill", "and", "river", "no", "went", "down")


def said(text: str, start: float = 0.0, pace: float = 0.4) -> list[Word]:
    """The words of `text`, one each `pace` seconds."""
    return [Word(word, start + n * pace, start + n * pace + pace * 0.8) for n, word in enumerate(text.split())]


def texts(words: Sequence[Word]) -> list[str]:
    return [word.text for word in words]


@st.composite
def talks(draw: st.DrawFn) -> tuple[list[Word], list[str], list[Part]]:
    """A talk with its speakers, and the parts that several passes over it heard: times off by a little, a wrong word
    where a cut went through one, and names for the speakers that each part makes up anew."""
    count = draw(st.integers(12, 60))
    words, speakers, time = [], [], 0.0
    for _ in range(count):
        length = draw(st.sampled_from((0.2, 0.3, 0.5)))
        words.append(Word(draw(st.sampled_from(VOCABULARY)), round(time, 3), round(time + length, 3)))
        speakers.append(draw(st.sampled_from("ab")) if not speakers or draw(st.booleans()) else speakers[-1])
        time += length + draw(st.sampled_from((0.0, 0.05, 0.4)))
    cuts = sorted(draw(st.sets(st.integers(6, count - 6), max_size=4)))
    cuts = [cut for last, cut in pairwise([-10, *cuts]) if cut - last >= 6]
    return words, speakers, [_heard(draw, words, speakers, *bounds) for bounds in _bounds(words, cuts)]


def _bounds(words: Sequence[Word], cuts: Sequence[int]) -> list[tuple[int, float, float]]:
    """Number, start and end of each part; each cut is heard from three words before it to two words after it."""
    starts = [0.0, *(words[cut - 3].start + 0.07 for cut in cuts)]
    ends = [*(words[cut + 2].end - 0.07 for cut in cuts), words[-1].end]
    return [(number, *both) for number, both in enumerate(zip(starts, ends, strict=True))]


def _heard(
    draw: st.DrawFn, words: Sequence[Word], speakers: Sequence[str], number: int, start: float, end: float
) -> Part:
    heard, names = [], []
    for word, speaker in zip(words, speakers, strict=True):
        if word.end <= start or word.start >= end:
            continue
        whole = start <= word.start and word.end <= end
        off = draw(st.sampled_from((-0.04, 0.0, 0.04)))
        heard.append(replace(word, start=word.start + off, end=word.end + off) if whole else replace(word, text="uh"))
        names.append(f"{number}{speaker}")
    return Part(start, end, tuple(heard), tuple(names))


@given(talks())
def test_no_word_is_doubled_or_lost(talk: tuple[list[Word], list[str], list[Part]]) -> None:
    words, _, parts = talk
    assert texts(joined(parts).words) == texts(words)


@given(talks())
def test_a_speaker_heard_on_both_sides_keeps_the_name(talk: tuple[list[Word], list[str], list[Part]]) -> None:
    """A person whom both sides of each cut hear a word of has one name; two people never have the same."""
    _, speakers, parts = talk
    found = joined(parts).speakers
    assert found is not None
    people = {(name, person) for name, person in zip(found, speakers, strict=True)}
    assert len({name for name, _ in people}) == len(people)
    if all(_clear(left, -5, None) & _clear(right, 0, 5) >= set(speakers) for left, right in pairwise(parts)):
        assert len(people) == len(set(speakers))


def _clear(part: Part, first: int, last: int | None) -> set[str]:
    """The people whose words the part heard well in that stretch of it."""
    assert part.speakers is not None
    heard = list(zip(part.words, part.speakers, strict=True))[first:last]
    return {name[-1] for word, name in heard if word.text != "uh"}


def test_parts_that_only_touch_are_put_behind_one_another() -> None:
    left, right = said("one two"), said("two three", 0.8)
    found = joined([Part(0, 0.8, tuple(left)), Part(0.8, 2, tuple(right))])
    assert texts(found.words) == ["one", "two", "two", "three"]


def test_with_nothing_in_common_they_meet_in_the_middle() -> None:
    left, right = said("a b c d e f"), said("x y z u", 1.6)
    found = joined([Part(0, 2.4, tuple(left)), Part(1.6, 3.2, tuple(right))])
    assert texts(found.words) == ["a", "b", "c", "d", "e", "y", "z", "u"]


def test_a_part_that_heard_nothing_takes_nothing_away() -> None:
    left = said("a b c d")
    assert texts(joined([Part(0, 1.6, tuple(left)), Part(1.7, 3.0, ())]).words) == ["a", "b", "c", "d"]
    right = said("e f", 1.7)
    assert texts(joined([Part(0, 1.6, tuple(left)), Part(0.8, 3.0, ())]).words) == ["a", "b", "c", "d"]
    assert texts(joined([Part(0, 1.6, tuple(left)), Part(0.8, 3.0, tuple(right))]).words) == [*"abcdef"]
    assert texts(joined([Part(0, 1.7, ()), Part(0.8, 3.0, tuple(left))]).words) == [*"abcd"]


def test_common_words_are_told_by_text_and_time() -> None:
    assert common(said("No, no, no!"), said("no no", 0.4)) == [(1, 0), (2, 1)]
    assert common(said("yes"), said("yes", 5.0)) == []
    assert common(said("yes"), said("no")) == []


def test_a_name_that_two_parts_share_is_one_person_and_no_other_is_taken_for_it() -> None:
    left, right = said("one two three four"), said("three four five six", 0.8)
    names = ("1:B", "1:B", "A", "1:B")
    parts = [Part(0, 1.6, tuple(left), ("A",) * 4), Part(0.8, 2.4, tuple(right), names)]
    assert joined(parts).speakers == ("A", "A", "A", "A", "A", "1:B")


def test_words_that_nobody_was_named_for_are_the_last_speakers() -> None:
    parts = [Part(0, 1, tuple(said("a b")), ("x", "y")), Part(2, 3, tuple(said("c", 2.0))), Part(4, 5, (), ())]
    assert joined(parts).speakers == ("x", "y", "y")
    late = [Part(0, 1, tuple(said("z"))), Part(2, 3, tuple(said("a b", 2.0)), ("x", "y"))]
    assert joined(late).speakers == ("x", "x", "y")
    assert joined(parts[1:]).speakers is None
    assert joined([]).words == ()
