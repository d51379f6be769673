"""Who makes a line shorter, in which order, and what is not taken from them."""

import pytest

from shared.errors import PermanentError
from tests.fakes import FakeTranslator
from worker.engines.protocols import SourceLine, Translated, TranslationContext
from worker.stages.rewording import TRIES, Rewording, Wording

SOURCE = SourceLine(0, "Um, the lake (as I said) is warm.", "S1", 2.0, budget=20)
PAIR = ("en", "es")


class Scripted(FakeTranslator):
    """Answers `shorten` from a script; translates by rule of thumb."""

    def __init__(self, *answers: str | PermanentError, shortens: bool = True) -> None:
        super().__init__()
        self.answers, self.asked, self.translated, self.shortens = list(answers), [], [], shortens

    def shorten(self, line, text, budget, source, target):
        self.asked.append((text, budget))
        answer = self.answers.pop(0)
        if isinstance(answer, PermanentError):
            raise answer
        return answer

    def translate(self, lines, source, target, context=None):
        self.translated += [line.text for line in lines]
        return Translated(tuple(line.text.replace("lake", "lago") for line in lines))


def shortened(translator: Scripted, text: str, longest: int = 20) -> Wording:
    return Rewording(translator, PAIR).shortened(SOURCE, text, lambda said: len(said) <= longest)


def test_the_translator_is_asked_first():
    translator = Scripted("El lago es cálido.")
    assert shortened(translator, "El lago, como dije, es cálido.") == Wording("El lago es cálido.", ("shortened",))
    assert translator.asked == [("El lago, como dije, es cálido.", 20)]
    assert translator.translated == []


def test_what_fits_is_left_alone():
    translator = Scripted()
    assert shortened(translator, "El lago es cálido.") == Wording("El lago es cálido.")
    assert (translator.asked, translator.translated) == ([], [])


def test_it_is_asked_a_few_times_and_then_the_source_is_shortened():
    translator = Scripted(*["El lago, como dije, es tibio."] * (TRIES + 1))
    wording = shortened(translator, "El lago, como dije yo, es cálido.")
    assert len(translator.asked) == TRIES
    assert translator.translated == ["The lake (as I said) is warm.", "The lake is warm."]
    assert wording == Wording("The lago is warm.", ("shortened", "shortened_by_rule"))


def test_no_more_of_the_source_goes_than_has_to():
    translator = Scripted(shortens=False)
    wording = shortened(translator, "Um, the lago (as I said) is warm.", longest=30)
    assert wording == Wording("The lago (as I said) is warm.", ("shortened_by_rule",))


@pytest.mark.parametrize("answer", ["", "…", "El lago, como dije, es muy muy cálido y grande.", "Son veinte."])
def test_an_answer_that_does_not_serve_is_not_taken(answer):
    text = "Hay 20 lagos, como dije antes aquí."
    wording = shortened(Scripted(answer, answer), text)
    assert "shortened" not in wording.reasons
    assert "20" in wording.text


@pytest.mark.parametrize("code", ["cannot_shorten", "content_refused"])
def test_a_translator_that_can_not_leaves_it_to_the_rules(code):
    translator = Scripted(PermanentError(code, "No."))
    assert shortened(translator, "Um, the lago (as I said) is warm.").reasons == ("shortened_by_rule",)


def test_any_other_failure_is_one():
    with pytest.raises(PermanentError) as caught:
        shortened(Scripted(PermanentError("provider_refused_key", "No.")), "El lago, como dije, es cálido.")
    assert caught.value.code == "provider_refused_key"


def test_where_the_source_says_nothing_superfluous_the_translation_may():
    plain = SourceLine(0, "The lake is warm.", "S1", 2.0)
    rewording = Rewording(Scripted(shortens=False), PAIR)
    wording = rewording.shortened(plain, "Bueno, eh, el lago es cálido.", lambda said: len(said) <= 20)
    assert wording == Wording("El lago es cálido.", ("shortened_by_rule",))


def test_what_can_not_be_shortened_stays_as_it_is():
    plain = SourceLine(0, "The lake is warm.", "S1", 2.0)
    text = "El lago es cálido y hermoso."
    assert Rewording(Scripted(shortens=False), PAIR).shortened(plain, text, lambda _: False) == Wording(text)


def test_a_term_of_the_glossary_stays():
    """Whatever is made shorter: neither the translator nor a rule may lose it."""
    terms = TranslationContext(glossary={"warm": "tibio"})
    text = "El lago (como dije) es muy tibio."
    rewording = Rewording(Scripted("El lago es cálido.", "El lago es tibio."), PAIR)
    wording = rewording.shortened(SOURCE, text, lambda said: len(said) <= 20, terms)
    assert wording == Wording("El lago es tibio.", ("shortened",))


def test_a_refusal_to_translate_anew_leaves_the_translation():
    class Refusing(Scripted):
        def translate(self, lines, source, target, context=None):
            raise PermanentError("content_refused", "No.")

    text = "Bueno, el lago es muy cálido."
    wording = Rewording(Refusing(shortens=False), PAIR).shortened(SOURCE, text, lambda _: False)
    assert wording == Wording("El lago es muy cálido.", ("shortened_by_rule",))
