"""Engines are found by slot and name; what is wrong with a name is said."""

from collections.abc import Callable
from typing import Any

import pytest

from shared import languages
from shared.config import OFFLINE_ENGINES, Settings, SettingsError
from shared.errors import PermanentError, TransientError
from tests.contracts.conftest import SLOTS
from tests.fakes import MISHAPS, calls
from worker.engines import registry
from worker.engines.protocols import SourceLine

Make = Callable[..., Settings]
# Those that need neither key nor network nor an extra.
OFFLINE = {**OFFLINE_ENGINES, "speech_synthesis": ("espeak", "flite")}
FAKE: dict[str, Any] = dict.fromkeys(SLOTS, ("fake",))


@pytest.mark.parametrize("slot", SLOTS)
def test_every_offline_engine_and_every_fake_can_be_built(slot: Any, engine_settings: Make) -> None:
    for name in (*OFFLINE[slot], *MISHAPS):
        built = registry.build(slot, engine_settings(**{slot: (name,)}))
        assert built.name == name.split("-")[0]
        assert built.model


def test_without_a_name_it_is_the_offline_engine(engine_settings: Make) -> None:
    assert registry.build("translation", engine_settings()).name == "apertium"


def test_an_unknown_name_is_refused_with_the_known_ones(engine_settings: Make) -> None:
    with pytest.raises(SettingsError, match=r"ONEVOICE_TRANSLATION .*'babelfish'.* Known: apertium, fake.*openai"):
        registry.build("translation", engine_settings(translation=("babelfish",)))


def test_more_than_one_name_is_refused(engine_settings: Make) -> None:
    with pytest.raises(SettingsError, match="exactly one"):
        registry.build("translation", engine_settings(translation=("apertium", "fake")))


def test_there_is_no_fake_outside_tests(engine_settings: Make) -> None:
    with pytest.raises(SettingsError, match="ONEVOICE_ENGINE_MODULES"):
        engine_settings(environment="local")
    with pytest.raises(SettingsError, match="'fake'"):
        registry.build("translation", engine_settings(environment="local", engine_modules=(), translation=("fake",)))
    smuggled = engine_settings(**FAKE).model_copy(update={"environment": "production"})
    with pytest.raises(SettingsError, match="tests only"):
        registry.build("translation", smuggled)


def test_capabilities_are_published_in_the_form_that_is_read(engine_settings: Make) -> None:
    fakes = languages.from_slots(registry.capabilities(engine_settings(**FAKE)))
    assert fakes.targets("en") == {"es", "fr", "ca"}
    assert fakes.detects_language
    offline = languages.from_slots(registry.capabilities(engine_settings()))
    assert offline.recognised == offline.aligned == {"en"}
    assert "es" in offline.targets("en")
    assert offline.engines["speech_synthesis"] == ["espeak"]
    assert any(voice.voice_id == "espeak:es+f3" and voice.gender == "female" for voice in offline.voices)


def test_a_fake_notes_its_calls_and_fails_as_its_name_says(engine_settings: Make) -> None:
    settings = engine_settings(translation=("fake-transient",))
    line = [SourceLine(3, "hello", "S1", 1.0)]
    with pytest.raises(TransientError):
        registry.build("translation", settings).translate(line, "en", "es")
    assert registry.build("translation", settings).translate(line, "en", "es").texts == ("[es] hello",)
    assert [call["work"] for call in calls(settings, "translation")] == ["es: 3", "es: 3"]
    with pytest.raises(PermanentError):
        registry.build("translation", engine_settings(translation=("fake-permanent",))).translate(line, "en", "es")
