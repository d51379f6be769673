"""What the pieces of a recognition say together."""

from typing import Any

import pytest

from shared.dubbing.transcript import Word
from shared.errors import PermanentError
from worker.engines.protocols import Recognised
from worker.spans import Span
from worker.stages.recognition import document_of

BOUNDS = {0: Span(0.0, 10.0), 1: Span(6.5, 20.0)}
VOICED = [Span(0.0, 20.0)]


def heard(index: int, text: str, start: float, language: str | None = None, speakers: str | None = None) -> Recognised:
    words = tuple(Word(word, start + n, start + n + 0.8) for n, word in enumerate(text.split()))
    named = tuple(f"{index}:{name}" for name in speakers) if speakers is not None else None
    return Recognised(index, words, language, named, "fake/1")


def document(*pieces: Recognised, voiced: list[Span] = VOICED, language: str | None = None) -> dict[str, Any]:
    return document_of(list(pieces), BOUNDS, voiced, language, doubtful=False)


def lines(made: dict[str, Any]) -> list[tuple[str, str]]:
    return [(segment["speaker"], segment["text"]) for segment in made["transcript"]["segments"]]


def test_pieces_that_overlap_are_one_text_and_a_speaker_keeps_the_name() -> None:
    first = heard(0, "So we begin. Who is it? It is", 1.0, "en", "aaabbbaa")
    second = heard(1, "It is me. Well then.", 7.0, "en", "xxxyy")
    made = document(first, second)
    assert lines(made) == [
        ("0:a", "So we begin."), ("0:b", "Who is it?"), ("0:a", "It is me."), ("1:y", "Well then."),
    ]  # fmt: skip
    assert made["diarised"]


def test_one_piece_without_speakers_leaves_all_without() -> None:
    made = document(heard(0, "One two.", 1.0, "en", "ab"), heard(1, "Three four.", 12.0, "en"))
    assert not made["diarised"]
    assert {speaker for speaker, _ in lines(made)} == {"S1"}


def test_a_piece_without_words_says_nothing_about_speakers() -> None:
    assert document(heard(0, "One two.", 1.0, "en", "aa"), heard(1, "", 12.0))["diarised"]


def test_what_is_heard_where_nobody_speaks_is_left_out() -> None:
    made = document(heard(0, "One two.", 1.0, "en"), heard(1, "Thank you.", 15.0, "en"), voiced=[Span(1.0, 3.0)])
    assert [text for _, text in lines(made)] == ["One two."]


def test_the_language_is_the_one_spoken_longest() -> None:
    pieces = [heard(0, "uno", 0.0, "es"), heard(1, "one two three four.", 12.0, "en")]
    assert document(*pieces)["transcript"]["language"] == "en"
    assert document(*pieces, language="fr")["transcript"]["language"] == "fr"


def test_nothing_said_is_in_no_language_and_words_in_an_unknown_one_are_a_failure() -> None:
    assert document(heard(0, "", 0.0))["transcript"] == {"language": "und", "speakers": [], "segments": []}
    with pytest.raises(PermanentError) as unknown:
        document(heard(0, "hm", 0.0))
    assert unknown.value.code == "source_language_unknown"
