"""What recognisers make up is dropped, and what people say is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dubbing.transcript import Word
from worker.hallucination import believable, compression_ratio, credible
from worker.spans import Span

SENTENCE = "We measured the river twice before the mill was closed and nobody ever asked why it had to be."


def said(text: str, start: float = 0.0) -> list[Word]:
    return [Word(word, start + n * 0.4, start + n * 0.4 + 0.3) for n, word in enumerate(text.split())]


def kept(text: str, *voiced: Span, start: float = 0.0) -> str:
    words = said(text, start)
    return " ".join(words[index].text for index in believable(words, voiced or (Span(0.0, 1000.0),)))


@pytest.mark.parametrize(
    ("told", "likely"),
    [
        ({}, True),
        ({"no_speech": 0.9}, True),  # it is sure of the text all the same
        ({"no_speech": 0.9, "log_probability": -1.2}, False),
        ({"no_speech": 0.2, "log_probability": -1.2}, True),
        ({"log_probability": -1.6}, False),
        ({"compression": 2.5}, False),
        ({"compression": 2.4, "log_probability": -0.2, "no_speech": 0.1}, True),
    ],
)
def test_a_text_is_judged_by_what_the_recogniser_told(told: dict[str, float], likely: bool) -> None:
    assert credible(SENTENCE, **told) is likely


def test_a_text_that_repeats_itself_gives_itself_away() -> None:
    assert not credible("Thank you for watching. " * 12)
    assert compression_ratio("") == 0.0


def test_a_phrase_where_nobody_speaks_is_dropped() -> None:
    words = [*said("hello there", 1.0), *said("Thanks for watching!", 8.0), *said("goodbye", 20.0)]
    assert believable(words, [Span(1.0, 2.0), Span(20.0, 21.0)]) == [0, 1, 5]


def test_a_phrase_that_begins_in_a_voice_stays_whole() -> None:
    assert kept("hello my friends", Span(0.0, 0.5)) == "hello my friends"


@pytest.mark.parametrize("loop", ["you", "I'm sorry.", "Thank you for watching.", "The next one is a long one, is it?"])
def test_a_loop_is_said_once(loop: str) -> None:
    assert kept(f"We begin. {loop} " + f"{loop} " * 20 + "And we end.") == f"We begin. {loop} And we end."


@pytest.mark.parametrize(
    "text", ["No, no, no, no!", "very very very good", "Come on, come on, come on, let us go", SENTENCE]
)
def test_people_may_repeat_themselves(text: str) -> None:
    assert kept(text) == text


@given(st.lists(st.sampled_from("abc"), max_size=60))
def test_what_is_kept_keeps_its_order_and_needs_no_second_look(texts: list[str]) -> None:
    words = said(" ".join(texts))
    found = believable(words, [Span(0.0, 100.0)])
    assert found == sorted(set(found))
    assert {words[index].text for index in found} == {word.text for word in words}
