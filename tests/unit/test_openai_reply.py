"""A language model's answer: what it says counts for the line that it is proven to be about, and for no other."""

import json
import random
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from worker.engines.protocols import SourceLine, TranslationContext
from worker.engines.translation import openai_prompt as prompt
from worker.engines.translation.openai_reply import Reply, ReplyLine, proven

texts = st.lists(st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=40), max_size=8)
awkward = st.text(max_size=60)


def lines(said: list[str]) -> list[SourceLine]:
    return [SourceLine(number * 3 + 1, text, "S1", 1.0) for number, text in enumerate(said)]


def answer(line: SourceLine, **changes: object) -> ReplyLine:
    values = {"id": line.id, "source": " ".join(line.text.split()[:3]), "text": f"of {line.id}", **changes}
    return ReplyLine.model_validate(values)


@given(texts, st.randoms())
def test_a_right_answer_counts_in_any_order(said: list[str], chance: random.Random) -> None:
    asked = [line for line in lines(said) if any(map(str.isalnum, " ".join(line.text.split()[:3])))]
    answered = [answer(line) for line in asked]
    chance.shuffle(answered)
    found = proven(asked, answered)
    assert found.texts == {line.id: f"of {line.id}" for line in asked}
    assert found.missing == ()


@given(texts, st.data())
def test_whatever_is_answered_no_line_gets_what_another_one_says(said: list[str], data: st.DataObject) -> None:
    """Ids shifted, lines lacking, doubled or invented: a text that counts was given with the line's own words."""
    asked = [line for line in lines(said) if any(map(str.isalnum, line.text))]
    answered = [
        answer(line, id=data.draw(st.integers(0, 30)), text=data.draw(st.sampled_from(["", "a", "b"])) + str(line.id))
        for line in asked
        for _ in range(data.draw(st.integers(0, 2)))
    ]
    found = proven(asked, answered)
    assert {line.id for line in found.missing} | set(found.texts) == {line.id for line in asked}
    for line in asked:
        if line.id in found.texts:
            giving = [given for given in answered if given.text == found.texts[line.id]]
            assert any(letters(line.text).startswith(letters(given.source)) for given in giving)


def test_a_shifted_line_goes_home_where_only_one_begins_so() -> None:
    first, second = lines(["The weather is fine.", "Nobody came to see it."])
    found = proven([first, second], [answer(second, id=first.id)])
    assert found.texts == {second.id: f"of {second.id}"}
    assert found.missing == (first,)
    twice = lines(["We went there by train.", "We went there by train."])
    assert proven(twice, [answer(twice[0], id=77)]).texts == {}, "it could be either"


def test_two_different_answers_are_not_chosen_between() -> None:
    (line,) = lines(["Good morning."])
    assert proven([line], [answer(line, text="Hola."), answer(line, text="Buenos días.")]).missing == (line,)
    assert proven([line], [answer(line, text="Hola."), answer(line, text=" Hola. ")]).texts == {line.id: "Hola."}
    assert proven([line], [answer(line, text="…")]).missing == (line,)
    assert proven([line], [answer(line, source="Good evening.")]).missing == (line,)


def test_copies_may_be_tidied_up() -> None:
    (line,) = lines(["“Don’t worry,”  she said — OK?"])
    assert proven([line], [answer(line, source="\"Don't WORRY, she")]).texts


@given(st.lists(awkward, min_size=1, max_size=4), awkward, st.dictionaries(awkward, awkward, max_size=3))
def test_what_others_wrote_is_data_and_nothing_else(said: list[str], summary: str, glossary: dict[str, str]) -> None:
    """The instructions don't depend on it, and the document gives back what was put in."""
    context = TranslationContext(summary=summary, glossary=glossary, register={summary: "formal"})
    document = json.loads(prompt.document(lines(said), context))
    assert [line["text"] for line in document["lines"]] == [plain(text) for text in said]
    assert document.get("glossary", {}) == {plain(term): plain(into) for term, into in glossary.items()}
    assert set(document) <= {"summary", "glossary", "register", "before", "lines", "after"}
    told = prompt.instructions("en", "es")
    assert told == prompt.instructions("en", "es")
    assert "English (en) into Spanish (es)" in told


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def test_the_form_is_strict() -> None:
    schema = Reply.model_json_schema()
    for form in (schema, schema["$defs"]["ReplyLine"]):
        assert form["additionalProperties"] is False
        assert set(form["required"]) == set(form["properties"])
