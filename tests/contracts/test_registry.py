"""Engines are found by slot and name; what is wrong with a name is said."""

import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

from shared import languages
from shared.config import OFFLINE_ENGINES, Settings, SettingsError
from shared.errors import PermanentError, TransientError
from tests.contracts.conftest import SLOTS
from tests.fakes import MISHAPS, FakeSynthesiser, calls
from worker import capabilities
from worker.engines import extra, registry
from worker.engines.protocols import SourceLine, Voice

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


@pytest.mark.parametrize(("named", "said"), [(("babelfish",), "'babelfish'"), (("apertium", "apertium"), "twice")])
def test_the_worker_does_not_start_with_engines_that_do_not_exist(
    named: tuple[str, ...], said: str, engine_settings: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.check_or_exit(engine_settings(translation=("apertium", "fake")))
    with pytest.raises(SystemExit) as ended:
        registry.check_or_exit(engine_settings(translation=named))
    assert ended.value.code == 78
    assert "ONEVOICE_TRANSLATION" in (sentence := capsys.readouterr().err)
    assert said in sentence


@pytest.mark.skipif(find_spec("whisperx") is not None, reason="the gpu extra is installed here")
@pytest.mark.parametrize(("slot", "name"), [("speech_recognition", "whisperx"), ("source_separation", "demucs")])
def test_the_worker_does_not_start_with_engines_that_are_not_installed(
    slot: Any, name: str, engine_settings: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = engine_settings(**{slot: (name,)})
    with pytest.raises(SystemExit) as ended:
        registry.check_or_exit(settings)
    assert ended.value.code == 78
    assert f"{name!r}. Install requirements-gpu.txt" in capsys.readouterr().err
    with pytest.raises(SettingsError):
        registry.build(slot, settings)


@pytest.mark.parametrize(("slot", "name"), [("speech_recognition", "whisperx"), ("source_separation", "demucs")])
def test_the_worker_does_not_start_with_engines_that_have_no_room(
    slot: Any, name: str, engine_settings: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(extra.PACKAGES, name, "json")  # something that is installed
    registry.check_or_exit(engine_settings(job_memory_bytes=extra.ROOM, **{slot: (name,)}))
    with pytest.raises(SystemExit):
        registry.check_or_exit(engine_settings(job_memory_bytes=extra.ROOM - 1, **{slot: (name,)}))
    assert f"ONEVOICE_JOB_MEMORY_BYTES lets a job have. Set it to {extra.ROOM}" in capsys.readouterr().err


def test_there_is_no_fake_outside_tests(engine_settings: Make) -> None:
    with pytest.raises(SettingsError, match="ONEVOICE_ENGINE_MODULES"):
        engine_settings(environment="local")
    with pytest.raises(SettingsError, match="'fake'"):
        registry.build("translation", engine_settings(environment="local", engine_modules=(), translation=("fake",)))
    smuggled = engine_settings(**FAKE).model_copy(update={"environment": "production"})
    with pytest.raises(SettingsError, match="tests only"):
        registry.build("translation", smuggled)


def test_capabilities_are_published_in_the_form_that_is_read(engine_settings: Make) -> None:
    fakes = languages.from_slots(capabilities.collect(engine_settings(**FAKE), {}))
    assert fakes.targets("en") == {"es", "fr", "ca"}
    assert fakes.detects_language
    offline = languages.from_slots(capabilities.collect(engine_settings(), {}))
    assert offline.recognised == offline.aligned == {"en"}
    assert "es" in offline.targets("en")
    assert offline.engines["speech_synthesis"] == ["espeak"]
    assert any(voice.voice_id == "espeak:es+f3" and voice.gender == "female" for voice in offline.voices)


def test_a_chain_can_do_what_its_engines_can_together(engine_settings: Make) -> None:
    both = engine_settings(**FAKE, engine_modules=("tests.fakes",)).model_copy(
        update={"speech_recognition": ("pocketsphinx", "fake"), "speech_synthesis": ("espeak", "fake")}
    )
    served = languages.from_slots(capabilities.collect(both, {}))
    assert served.recognised == {"en", "es"}
    assert {voice.engine for voice in served.voices} == {"espeak", "fake"}
    assert served.engines["speech_synthesis"] == ["espeak", "fake"]


@pytest.mark.parametrize("trouble", ["refuses", "hangs"])
def test_a_provider_that_does_not_answer_keeps_its_last_list_of_voices(
    trouble: str, engine_settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = capabilities.collect(engine_settings(**FAKE), {})
    over = threading.Event()

    def voices(_self: object) -> tuple[Voice, ...]:
        over.wait(30)
        raise PermanentError("provider_refused_key", "No.")

    if trouble == "refuses":
        over.set()
    monkeypatch.setattr(FakeSynthesiser, "voices", voices)
    monkeypatch.setattr(capabilities, "VOICES_SECONDS", 0.2)
    anew = engine_settings(**FAKE, max_live_jobs=7)
    assert capabilities.collect(anew, before)["speech_synthesis"] == before["speech_synthesis"]
    assert capabilities.collect(anew, {})["speech_synthesis"]["voices"] == []
    over.set()


def test_a_fake_notes_its_calls_and_fails_as_its_name_says(engine_settings: Make) -> None:
    settings = engine_settings(translation=("fake-transient",))
    line = [SourceLine(3, "hello", "S1", 1.0)]
    with pytest.raises(TransientError):
        registry.build("translation", settings).translate(line, "en", "es")
    assert registry.build("translation", settings).translate(line, "en", "es").texts == ("[es] hello",)
    assert [call["work"] for call in calls(settings, "translation")] == ["es: 3", "es: 3"]
    with pytest.raises(PermanentError):
        registry.build("translation", engine_settings(translation=("fake-permanent",))).translate(line, "en", "es")
