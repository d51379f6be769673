"""What every Translator promises."""

import string
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.config import Settings
from shared.errors import PermanentError, TransientError
from tests.contracts.conftest import live, settings_for, settings_in
from tests.standins.server import Server, serving
from worker.engines import registry
from worker.engines.protocols import SourceLine, TranslationContext, Translator
from worker.engines.translation.apertium import ApertiumTranslator

AWKWARD = (
    "I [really] ^like$ a/b <tag> user@host {x} \\ ~", "two\nlines\r\nhere", "", "   ", "!!!", "😀 hello 🎉",
    "[][\n]", "*star #hash @at", "word " * 3000, "x" * 5000, "a\x00b", "\ud800", "Wait...",
    "Mr. Smith's 3.5 $5", "^^^$$$",
)  # fmt: skip


def lines(*texts: str) -> list[SourceLine]:
    return [SourceLine(number, text, "S1", 2.0) for number, text in enumerate(texts)]


@pytest.fixture(scope="module")
def provider() -> Iterator[Server]:
    with serving("openai_speaking") as server:
        yield server


@pytest.fixture(params=["fake", "apertium", "openai", *live("openai")])
def translator(
    request: pytest.FixtureRequest, engine_settings: Callable[..., Settings], provider: Server
) -> Translator:
    return registry.build("translation", settings_for(request.param, "translation", engine_settings, provider))


@pytest.fixture(scope="module")
def apertium() -> ApertiumTranslator:
    return ApertiumTranslator(settings_in(Path("unused")))


def test_one_text_for_each_line_in_order(translator: Translator) -> None:
    texts = [f"The dog is number {number}." for number in range(20)]
    translated = translator.translate(lines(*texts), "en", "es").texts
    assert len(translated) == 20
    assert all(str(number) in text for number, text in enumerate(translated))
    assert translator.translate(lines(*texts), "en", "es").texts == translated
    assert translator.translate([], "en", "es").texts == ()


def test_awkward_lines_survive(translator: Translator) -> None:
    translated = translator.translate(lines(*AWKWARD, "Good morning."), "en", "es").texts
    assert len(translated) == len(AWKWARD) + 1
    for text, result in zip(AWKWARD, translated, strict=False):
        assert result.strip() or not any(map(str.isalnum, text))


def test_it_serves_english_to_spanish_and_no_more_than_it_says(translator: Translator) -> None:
    assert ("en", "es") in translator.pairs()
    assert translator.batch_lines > 0
    with pytest.raises(PermanentError) as refused:
        translator.translate(lines("Hello."), "en", "tlh")
    assert refused.value.code == "unsupported_language_pair"


def test_apertium_translates(apertium: ApertiumTranslator) -> None:
    assert apertium.translate(lines("Good morning.", "The house is big."), "en", "es").texts == (
        "Buenos días.", "La casa es grande.",
    )  # fmt: skip


def test_apertium_says_unknown_words_without_marks(apertium: ApertiumTranslator) -> None:
    (text,) = apertium.translate(lines("The xyzzyx and the (blorbify) sleep."), "en", "es").texts
    assert "xyzzyx" in text
    assert "*" not in text
    assert "#" not in text


def test_apertium_keeps_brackets_and_signs(apertium: ApertiumTranslator) -> None:
    (text,) = apertium.translate(lines("[Music] costs 5$ at a/b <here> {now} ^ \\."), "en", "es").texts
    assert all(sign in text for sign in "[]$/<>{}^\\")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(alphabet=st.one_of(st.sampled_from(string.printable), st.characters()), max_size=60), max_size=4)
)
def test_apertium_takes_any_text(apertium: ApertiumTranslator, texts: list[str]) -> None:
    translated = apertium.translate(lines(*texts, "The cat."), "en", "es").texts
    assert len(translated) == len(texts) + 1
    assert translated[-1] == "El gato."
    for text, result in zip(texts, translated, strict=False):
        assert result.strip() or not any(map(str.isalnum, text))


def test_apertium_starts_anew_after_its_processes_died(apertium: ApertiumTranslator) -> None:
    (before,) = apertium.translate(lines("The dog."), "en", "es").texts
    stages = [child for child in psutil.Process().children() if child.name() == "lt-proc"]
    assert stages
    for stage in stages:
        stage.kill()
    psutil.wait_procs(stages, timeout=2)
    assert apertium.translate(lines("The dog."), "en", "es").texts == (before,)


def test_apertium_gives_up_on_a_stuck_line_and_then_works_again() -> None:
    hasty = ApertiumTranslator(settings_in(Path("unused")), timeout=0.0)
    started = time.monotonic()
    with pytest.raises(TransientError) as stuck:
        hasty.translate(lines("The dog."), "en", "es")
    assert stuck.value.code == "translation_timed_out"
    assert time.monotonic() - started < 5
    hasty._timeout = 30.0
    assert hasty.translate(lines("The dog."), "en", "es")


def test_apertium_serves_several_threads_and_languages_with_one_pairs_dictionaries() -> None:
    def translate(target: str) -> tuple[str, ...]:
        own = ApertiumTranslator(settings_in(Path("unused")))
        return own.translate(lines("The house is big."), "en", target).texts

    targets = ["es", "ca", "es", "ca"]
    with ThreadPoolExecutor(4) as threads:
        translated = list(threads.map(translate, targets))
    assert translated == [("La casa es grande.",) if target == "es" else ("La casa és gran.",) for target in targets]


def test_apertium_keeps_one_pair_loaded(apertium: ApertiumTranslator) -> None:
    def loaded() -> int:
        return sum("lt-proc" in child.name() for child in psutil.Process().children())

    apertium.translate(lines("The house."), "en", "es")
    one = loaded()
    apertium.translate(lines("The house."), "en", "ca")
    assert 0 < loaded() <= one + 1


def test_terms_are_kept_or_rendered_as_asked_for(translator: Translator) -> None:
    if translator.name == "fake":
        pytest.skip("it has no use for a glossary")
    context = TranslationContext(glossary={"OneVoice": "OneVoice", "window": "ventanuco"})
    texts = ["I bought a window.", "OneVoice is good.", "The house is big.", "A window, a WINDOW and OneVoice."]
    translated = translator.translate(lines(*texts), "en", "es", context).texts
    assert "ventanuco" in translated[0]
    assert "OneVoice" in translated[1]
    assert "ventanuco" not in translated[2]
    assert "OneVoice" in translated[3]
