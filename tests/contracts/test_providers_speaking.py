"""What can go wrong at the providers of translation, speech and voices, each as the right error."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.config import Settings
from shared.errors import PermanentError, PipelineError, TransientError
from tests.standins.server import (
    CUT,
    EMPTY_AUDIO,
    FENCED,
    MALFORMED,
    QUOTA,
    WRONG_FORM,
    WRONG_IDS,
    Fault,
    Server,
    serving,
    slow,
    status,
)
from worker.engines import registry
from worker.engines.door import ProviderCall, listen
from worker.engines.errors import OutOfQuotaError
from worker.engines.protocols import SourceLine, SpeechContext, SpeechSynthesiser, TranslationContext, Translator
from worker.engines.speech_synthesis.elevenlabs import languages

Make = Callable[..., Settings]
ROUTES = {"openai": "openai_speech", "elevenlabs": "elevenlabs_speech", "fish": "fish_speech"}
APIS = {"responses": "openai_responses", "chat": "openai_chat_completions", "chat_json": "openai_chat_completions"}
LINE = "Good morning, everyone."


@pytest.fixture(scope="module")
def _server() -> Iterator[Server]:
    with serving("openai_speaking", "elevenlabs_speaking", "fish_speaking") as server:
        yield server


@pytest.fixture
def server(_server: Server) -> Server:
    _server.forget()
    _server.longest_answer = 1000  # type: ignore[attr-defined]
    return _server


@pytest.fixture
def make(engine_settings: Make, server: Server) -> Make:
    return lambda **overrides: engine_settings(**{**server.settings(), **overrides})


def speaker(make: Make, name: str, **overrides: Any) -> SpeechSynthesiser:
    return registry.build("speech_synthesis", make(speech_synthesis=(name,), **overrides))


def translator(make: Make, **overrides: Any) -> Translator:
    return registry.build("translation", make(translation=("openai",), **overrides))


def lines(*texts: str, budget: int | None = None) -> list[SourceLine]:
    return [SourceLine(number + 40, text, "S1", 2.0, budget) for number, text in enumerate(texts)]


FAULTS: list[tuple[Fault, type[PipelineError], str]] = [
    (status(429, retry_after=7), TransientError, "provider_busy"),
    (status(500), TransientError, "provider_unavailable"),
    (status(503), TransientError, "provider_unavailable"),
    (status(408), TransientError, "provider_unavailable"),
    (status(401), PermanentError, "provider_refused_key"),
    (status(422), PermanentError, "provider_refused"),
    (QUOTA, OutOfQuotaError, "provider_out_of_quota"),
    (CUT, TransientError, "provider_unavailable"),
    (MALFORMED, TransientError, "provider_answer_malformed"),
]


@pytest.mark.parametrize(("fault", "kind", "code"), FAULTS)
@pytest.mark.parametrize("name", ROUTES)
def test_each_fault_of_speech_is_its_error_after_one_request(
    make: Make, server: Server, name: str, fault: Fault, kind: type[PipelineError], code: str
) -> None:
    engine = speaker(make, name)
    voice = engine.voices()[0].voice_id
    server.plan(ROUTES[name], fault)
    with pytest.raises(kind) as met:
        engine.synthesise(LINE, voice, "en")
    assert met.value.code == code
    assert getattr(met.value, "retry_after", None) == fault.retry_after
    assert server.calls(ROUTES[name]) == 1
    assert engine.synthesise(LINE, voice, "en").seconds > 0.5


@pytest.mark.parametrize(("fault", "kind", "code"), FAULTS)
@pytest.mark.parametrize("api", APIS)
def test_each_fault_of_translation_is_its_error_after_one_request(
    make: Make, server: Server, api: str, fault: Fault, kind: type[PipelineError], code: str
) -> None:
    engine = translator(make, openai_translation_api=api)
    server.plan(APIS[api], fault)
    with pytest.raises(kind) as met:
        engine.translate(lines("Hello there.", "How are you?"), "en", "es")
    assert met.value.code == code
    assert getattr(met.value, "retry_after", None) == fault.retry_after
    assert server.calls() == 1
    assert engine.translate(lines("Hello there."), "en", "es").texts == ("Ya: Hello there.",)


@pytest.mark.parametrize("name", ROUTES)
def test_no_sound_for_a_line_with_words_may_pass(make: Make, server: Server, name: str) -> None:
    engine = speaker(make, name)
    voice = engine.voices()[0].voice_id
    server.plan(ROUTES[name], EMPTY_AUDIO)
    with pytest.raises(TransientError) as met:
        engine.synthesise(LINE, voice, "en")
    assert met.value.code == "provider_answer_malformed"


@pytest.mark.parametrize("name", ROUTES)
def test_a_slow_provider_is_given_up(make: Make, server: Server, name: str) -> None:
    engine = speaker(make, name, provider_timeout_seconds=0.5)
    voice = engine.voices()[0].voice_id
    server.plan(ROUTES[name], slow(2.0))
    with pytest.raises(TransientError) as met:
        engine.synthesise(LINE, voice, "en")
    assert met.value.code == "provider_unavailable"


@pytest.mark.parametrize("name", ["openai", "elevenlabs"])
def test_refused_content_is_said_to_be_so(make: Make, name: str) -> None:
    engine = speaker(make, name)
    with pytest.raises(PermanentError) as met:
        engine.synthesise("This is FORBIDDEN.", engine.voices()[0].voice_id, "en")
    assert met.value.code == "content_refused"


@pytest.mark.parametrize("name", ["elevenlabs", "fish"])
def test_a_voice_that_vanished_is_named(make: Make, server: Server, name: str) -> None:
    engine = speaker(make, name)
    voice = engine.voices()[1].voice_id
    taken = getattr(server, f"{name}_voices")
    own_id = voice.partition(":")[2]
    gone = taken.pop(own_id)
    try:
        with pytest.raises(PermanentError, match=own_id) as met:
            engine.synthesise(LINE, voice, "en")
    finally:
        taken[own_id] = gone
    assert met.value.code == "voice_not_found"


def test_elevenlabs_hears_the_neighbours_where_the_model_takes_them(make: Make, server: Server) -> None:
    context = SpeechContext("Before.", "After.")
    for model, expected in (
        ("eleven_multilingual_v2", {"previous_text": "Before.", "next_text": "After."}),
        ("eleven_flash_v2_5", {"previous_text": "Before.", "next_text": "After.", "language_code": "es"}),
        ("eleven_v3", {"language_code": "es"}),
    ):
        engine = speaker(make, "elevenlabs", elevenlabs_speech_model=model)
        engine.synthesise("Hola.", engine.voices()[0].voice_id, "es", context=context)
        asked = server.asked("elevenlabs_speech")[-1].document
        told = {"previous_text", "next_text", "language_code"}
        assert {name: asked[name] for name in told & set(asked)} == expected
    assert set(languages("eleven_multilingual_v2")) < set(languages("eleven_flash_v2_5")) < set(languages("eleven_v3"))


def test_voices_come_from_all_pages_and_clones_are_not_offered(make: Make, server: Server) -> None:
    server.elevenlabs_voices["x1"] = {**server.elevenlabs_voices["pNInz6obpgDQGcFmaJgB"], "voice_id": "x1",  # type: ignore[attr-defined]
                                      "name": "onevoice-clone-00000000-1"}  # fmt: skip
    listed = speaker(make, "elevenlabs").voices()
    del server.elevenlabs_voices["x1"]  # type: ignore[attr-defined]
    assert {voice.name: voice.gender for voice in listed} == {
        "Rachel": "female", "Adam": "male", "Sarah": "female", "River": None,
    }  # fmt: skip
    assert all(voice.preview_url for voice in listed)
    own = speaker(make, "fish").voices()
    chosen = speaker(make, "fish", fish_voices=("5161d41404314212af1254556477c17d", "gone")).voices()
    assert {voice.name: voice.gender for voice in own} == {"Mina": "female", "Jun": "male"}
    assert {voice.name: voice.languages[0] for voice in chosen} == {"Mina": "en", "Jun": "en", "Public": "ja"}


@pytest.mark.parametrize("name", ["elevenlabs", "fish"])
def test_voices_that_cannot_be_listed_are_trouble_that_may_pass(make: Make, server: Server, name: str) -> None:
    server.plan({"elevenlabs": "elevenlabs_voices", "fish": "fish_models"}[name], status(503), MALFORMED)
    engine = speaker(make, name)
    for _ in range(2):
        with pytest.raises(TransientError):
            engine.voices()
    assert engine.voices()


def test_an_answer_that_is_all_wrong_is_repaired_or_asked_again_and_never_guessed(make: Make, server: Server) -> None:
    texts = [f"Line number {name}." for name in ("one", "two", "three", "four", "five", "six")]
    server.plan("openai_responses", WRONG_IDS)
    translated = translator(make).translate(lines(*texts), "en", "es")
    assert translated.texts == tuple(f"Ya: {text}" for text in texts)
    assert server.calls() == 2
    server.plan("openai_responses", *[WRONG_IDS] * 3)
    with pytest.raises(TransientError) as met:
        translator(make).translate(lines("Alone."), "en", "es")
    assert met.value.code == "provider_answer_malformed"


def test_a_refused_line_is_found_and_the_others_are_translated(make: Make) -> None:
    texts = ["One.", "Two.", "This is FORBIDDEN.", "Four.", "Five."]
    context = TranslationContext(before=tuple(lines("FORBIDDEN too.")))
    translated = translator(make).translate(lines(*texts), "en", "es", context)
    assert translated.refused == {42}
    assert translated.texts == ("Ya: One.", "Ya: Two.", "", "Ya: Four.", "Ya: Five.")


@pytest.mark.parametrize("api", APIS)
def test_an_answer_that_is_cut_off_is_asked_for_in_halves(make: Make, server: Server, api: str) -> None:
    server.longest_answer = 2  # type: ignore[attr-defined]
    texts = [f"Line {number}." for number in range(5)]
    translated = translator(make, openai_translation_api=api).translate(lines(*texts), "en", "es")
    assert translated.texts == tuple(f"Ya: {text}" for text in texts)
    server.longest_answer = 0  # type: ignore[attr-defined]
    with pytest.raises(TransientError):
        translator(make, openai_translation_api=api).translate(lines("Line."), "en", "es")


def test_glossary_budget_register_and_story_reach_the_model(make: Make, server: Server) -> None:
    context = TranslationContext(
        before=tuple(lines("Before.")), after=tuple(lines("After.")), summary="So far.",
        glossary={"OneVoice": "OneVoice", "dub": "doblaje"}, register={"S1": "formal"},
    )  # fmt: skip
    translated = translator(make).translate(lines("The dub by OneVoice is ready now.", budget=24), "en", "es", context)
    assert translated.texts == ("Ya: The doblaje by",)
    assert translated.summary == "So far. 1 lines."
    document = server.asked("openai_responses")[0].document["input"]
    for told in ('"budget": 24', '"S1": "formal"', '"Before."', '"After."', '"dub": "doblaje"'):
        assert told in document


def test_a_review_improves_the_drafts_in_a_second_request(make: Make, server: Server) -> None:
    engine = translator(make, openai_translation_review=True)
    assert engine.model.endswith("+review")
    server.plan("openai_responses", None, WRONG_IDS)
    texts = engine.translate(lines("Line one.", "Line two.", "Line three."), "en", "es").texts
    # The first was lacking and the second doubled: their drafts stay.
    assert texts == ("Ya: Line one.", "Ya: Line two.", "Ya: Line three. (reviewed)")
    assert server.calls() == 2


def test_what_was_translated_before_trouble_is_not_paid_for_again(make: Make, server: Server) -> None:
    engine = translator(make, openai_translation_review=True)
    server.plan("openai_responses", None, status(503))
    with pytest.raises(TransientError):
        engine.translate(lines("Line one.", "Line two.", "Line three."), "en", "es")
    texts = engine.translate(lines("Line one.", "Line two.", "Line three."), "en", "es").texts
    assert texts[2] == "Ya: Line three. (reviewed)"
    assert server.calls() == 3, "a draft, a review that failed, a review"


def test_a_line_is_shortened_or_it_is_said_that_it_cannot_be(make: Make) -> None:
    (line,) = lines("This is what was said.")
    engine = translator(make)
    assert engine.shorten(line, "Esto es lo que se dijo.", 12, "en", "es") == "Esto es lo"
    for text, budget in (("Esto", 2), ("Corto aquí", 40), ("FORBIDDEN words", 4)):
        with pytest.raises(PermanentError) as met:
            engine.shorten(line, text, budget, "en", "es")
        assert met.value.code == "cannot_shorten"


def test_every_call_is_accounted_for(make: Make, server: Server) -> None:
    calls: list[ProviderCall] = []
    stop = listen(calls.append)
    try:
        translator(make).translate(lines("Hello there."), "en", "es")
        for name in ROUTES:
            engine = speaker(make, name)
            engine.synthesise("Añade más.", engine.voices()[0].voice_id, "es")
    finally:
        stop()
    assert [(call.provider, call.slot, call.outcome) for call in calls] == [
        ("openai", "translation", "ok"),
        *((name, "speech_synthesis", "ok") for name in ROUTES),
    ]
    assert [use.unit for use in calls[0].usage] == ["input_tokens", "output_tokens"]
    assert all(use.amount > 0 for call in calls for use in call.usage)
    assert [call.usage[0].amount for call in calls[1:]] == [10, 10, 12], "Fish counts bytes"


@pytest.mark.parametrize("api", APIS)
def test_answers_of_no_use_are_accounted_for_too(make: Make, server: Server, api: str) -> None:
    calls: list[ProviderCall] = []
    engine = translator(make, openai_translation_api=api)
    server.plan(APIS[api], WRONG_FORM)
    stop = listen(calls.append)
    try:
        with pytest.raises(TransientError):
            engine.translate(lines("Hello there."), "en", "es")
        assert engine.translate(lines("This is FORBIDDEN."), "en", "es").refused == {40}
    finally:
        stop()
    malformed, refused = calls
    assert (malformed.outcome, refused.outcome) == ("provider_answer_malformed", "content_refused")
    assert [use.unit for use in malformed.usage] == ["input_tokens", "output_tokens"]
    assert all(use.amount > 0 for use in (*malformed.usage, refused.usage[0]))


@pytest.mark.parametrize("name", ROUTES)
def test_speech_of_no_use_is_accounted_for_too(make: Make, server: Server, name: str) -> None:
    calls: list[ProviderCall] = []
    engine = speaker(make, name)
    voice = engine.voices()[0].voice_id
    server.plan(ROUTES[name], EMPTY_AUDIO, status(503))
    stop = listen(calls.append)
    for _ in range(2):
        with pytest.raises(TransientError):
            engine.synthesise(LINE, voice, "en")
    stop()
    assert [use.amount for use in calls[0].usage] == [len(LINE)]
    assert calls[1].usage == ()


@pytest.mark.parametrize("api", APIS)
def test_an_answer_in_a_code_fence_counts(make: Make, server: Server, api: str) -> None:
    server.plan(APIS[api], FENCED)
    engine = translator(make, openai_translation_api=api)
    assert engine.translate(lines("Hello ```there```."), "en", "es").texts == ("Ya: Hello ```there```.",)
    assert server.calls() == 1
