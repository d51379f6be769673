"""Terms on their way through a translation."""

from hypothesis import given
from hypothesis import strategies as st

from worker import glossary

TERMS = {"OneVoice": "OneVoice", "dub": "doblaje", "dub track": "pista doblada"}
words = st.lists(st.sampled_from([*TERMS, "the", "dubbing", "Dub", "a", "onevoice,", "x."]), max_size=40)


def test_only_terms_that_are_said_count() -> None:
    assert glossary.occurring(TERMS, ["A DUBBING studio"]) == {"dub": "doblaje"}
    assert glossary.occurring({"서울": "Seoul"}, ["서울은 넓다"]) == {"서울": "Seoul"}


def test_a_rendering_that_is_not_there_is_unmet() -> None:
    assert glossary.unmet(TERMS, "The Dub by OneVoice", "El doblaje de Una Voz") == ("OneVoice",)
    assert glossary.unmet(TERMS, "The dubbing", "La película") == (), "another word"
    assert glossary.unmet({"C++": "C++"}, "In C++, mostly", "En C++, sobre todo") == ()


@given(words)
def test_places_come_back_as_renderings(said: list[str]) -> None:
    text = " ".join(said)
    placed, renderings = glossary.protected(TERMS, text)
    back = glossary.restored(placed, renderings)
    assert back is not None
    if len(renderings) < 26:
        assert glossary.unmet(TERMS, text, back) == ()
        assert [word for word in placed.split() if word.casefold() in {"dub", "onevoice,"}] == []
    if renderings:
        assert glossary.restored(placed + " " + placed, renderings) is None
        assert glossary.restored("", renderings) is None


def test_the_longest_term_wins_and_a_text_with_places_is_left() -> None:
    placed, renderings = glossary.protected(TERMS, "a dub track")
    assert renderings == ("pista doblada",)
    assert glossary.protected(TERMS, "a dub Qzxva") == ("a dub Qzxva", ())
    assert glossary.restored(placed.upper(), renderings) == "A pista doblada"


def test_what_is_kept_keeps_the_case_that_it_has_in_the_source():
    terms = {"the": "the", "onevoice": "OneVoice"}
    text, renderings = glossary.protected(terms, "The boat, the ONEVOICE.")
    assert glossary.restored(text, renderings) == "The boat, the OneVoice."
