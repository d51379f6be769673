"""What a rule may leave out of a line, and what never."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.fitting.habits import HABITS
from worker.fitting.rules import keeps_numbers, shorter_forms


def last(text: str, language: str = "en") -> str:
    return [text, *shorter_forms(text, language)][-1]


@pytest.mark.parametrize(
    ("language", "text", "shorter"),
    [
        ("en", "Um, I think we should go.", "I think we should go."),
        ("en", "It was, you know, quite hard.", "It was, quite hard."),
        ("en", "Well, uh, that is it.", "That is it."),
        ("en", "I think I think the the boat is gone.", "I think the boat is gone."),
        ("en", "It is very, very cold.", "It is very cold."),
        ("en", "The lake (as I said) is warm today.", "The lake is warm today."),
        ("en", "The lake – as everybody knows – is warm.", "The lake is warm."),
        ("en-GB", "Erm, hello.", "Hello."),
        ("es", "Bueno, eh, vamos a la playa.", "Vamos a la playa."),
        ("fr", "Euh, nous partons demain.", "Nous partons demain."),
        ("de", "Ähm, wir gehen jetzt.", "Wir gehen jetzt."),
        ("ko", "음 우리는 항구로 갔습니다.", "우리는 항구로 갔습니다."),
        ("ja", "えーと、港へ行きました。", "港へ行きました。"),
        ("zh", "嗯，我们去港口。", "我们去港口。"),
    ],
)
def test_what_says_nothing_goes(language, text, shorter):
    assert last(text, language) == shorter


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Um Kulthum sang for hours."),
        ("en", "We heard Um sing."),
        ("en", "No, no, that is wrong."),
        ("en", "We do not not know."),
        ("en", "Duran Duran played."),
        ("en", "Call five five five."),
        ("en", "The band (not the singer) left."),
        ("en", "The ship (built in 1912) sank."),
        ("en", "The ship (the Titanic) sank."),
        ("en", "Nobody (he didn't say who) came."),
        ("en", "She had had enough of it."),
        ("de", "Er kam nach Hause."),
        ("fr", "Nous nous voyons demain."),
        ("pt", "Um homem entrou."),
        ("ko", "그는 (서울에서) 왔습니다."),
        ("ja", "その船は古い。"),
        ("sw", "Um, um, (habari) ndiyo."),
        ("en", "Um."),
        ("en", ""),
    ],
)
def test_what_may_mean_something_stays(language, text):
    assert list(shorter_forms(text, language)) == []


def parts(language: str) -> st.SearchStrategy[str]:
    habits = HABITS[language]
    names = st.sampled_from(["Anna", "Paris", "McKay", "Um Kulthum", "NATO", "O'Neill"])
    numbers = st.one_of(st.integers(0, 9999).map(str), st.sampled_from([*sorted(habits.numbers), "3.5"]))
    plain = st.sampled_from([*sorted(habits.stutters), "lake", "boat"])
    noise = st.sampled_from(sorted(habits.hesitations | {f"{marker}," for marker in habits.markers}))
    kept = st.one_of(names, numbers, st.sampled_from(sorted(habits.negations)))
    said = st.one_of(plain, noise, kept)
    word = said.flatmap(lambda w: st.sampled_from([w, w, f"{w},", f"{w}.", f"({w})", f"– {w} –"]))
    return st.lists(word, max_size=14).map(lambda words: " ".join(["so", *words]))


def precious(text: str, language: str) -> Counter[str]:
    """Names, numbers and negations, counted; said independently of the rules."""
    habits = HABITS[language]
    words = re.findall(r"[\w'’]+", text)
    names = [word for word in words[1:] if word in {"Anna", "Paris", "McKay", "Um", "Kulthum", "NATO", "O'Neill"}]
    fixed = [w.lower() for w in words if w.lower() in habits.numbers | habits.negations or re.search(r"\d", w)]
    return Counter(names + fixed)


@pytest.mark.parametrize("language", [tag for tag, habits in HABITS.items() if habits.cased])
@given(data=st.data())
def test_names_numbers_and_negations_are_never_dropped(language, data):
    text = data.draw(parts(language))
    forms = list(shorter_forms(text, language))
    for form in forms:
        assert precious(form, language) == precious(text, language)
    assert [len(text), *map(len, forms)] == sorted({len(text), *map(len, forms)}, reverse=True)


@given(text=st.text(max_size=80), language=st.sampled_from([*HABITS, "sw", "xx", "es-MX"]))
def test_any_text_gives_shorter_ones_that_say_something(text, language):
    length = len(text)
    for form in shorter_forms(text, language):
        assert 0 < len(form) < length
        assert re.search(r"\w", form)
        length = len(form)


@pytest.mark.parametrize(
    ("text", "shorter", "kept"),
    [
        ("In 1912 and 1912.", "1912, 1912", True),
        ("In 1912 and 1912.", "1912", False),
        ("No number.", "None", True),
        ("3.5 metres", "35 metres", False),
    ],
)
def test_numbers_in_digits_are_counted(text, shorter, kept):
    assert keeps_numbers(text, shorter) is kept
