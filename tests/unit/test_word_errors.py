"""What counts as a word that was not heard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.word_errors import Errors, errors


@pytest.mark.parametrize(
    ("written", "heard", "language", "wrong", "words"),
    [
        ("The lake is warm.", "the lake is warm", "en", 0, 4),
        ("It's O’Neill's boat!", "its oneills boat", "en", 0, 3),
        ("The lake is warm.", "a lake warm today", "en", 3, 4),
        ("The lake is warm.", "", "en", 4, 4),
        ("In 1984 we sailed.", "in nineteen eighty four we sailed", "en", 0, 3),
        ("In 1984 we sailed.", "in nineteen eighty four be sailed", "en", 1, 3),
        ("Twenty boats.", "20 boats", "en", 0, 2),
        ("1984", "nineteen", "en", 0, 0),
        ("…", "the", "en", 0, 0),
        ("港へ行きました。", "港へ行きました", "ja", 0, 7),
        ("港へ行きました。", "港へ来ました", "ja", 2, 7),
        ("항구로 갔습니다.", "항구로 갔습니다", "ko", 0, 2),
    ],
)
def test_wrong_words_are_counted(written, heard, language, wrong, words):
    assert errors(written, heard, language) == Errors(wrong, words)


def test_errors_have_a_rate():
    assert Errors(2, 4).rate == 0.5
    assert Errors(0, 0).rate is None


@given(st.text(max_size=60), st.sampled_from(["en", "ko", "ja"]))
def test_what_was_heard_as_it_is_written_has_no_errors(text, language):
    assert errors(text, text, language).wrong == 0


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(["en", "ko", "ja"]))
def test_any_two_texts_can_be_compared(written, heard, language):
    found = errors(written, heard, language)
    assert found.wrong >= 0
    assert found.words >= 0
