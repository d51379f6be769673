"""What every SpeechSynthesiser promises."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import langcodes
import numpy as np
import psutil
import pytest

from shared.config import Settings
from shared.errors import PermanentError, TransientError
from tests.contracts.conftest import live, settings_for, settings_in
from tests.standins.server import Server, serving
from worker.engines import registry
from worker.engines.protocols import SpeechSynthesiser
from worker.engines.speech_synthesis.espeak import EspeakSynthesiser
from worker.engines.speech_synthesis.espeak_speaker import Speaker

LINE = "Good morning, everyone."


@pytest.fixture(scope="module")
def providers() -> Iterator[Server]:
    with serving("openai_speaking", "elevenlabs_speaking", "fish_speaking") as server:
        yield server


CLOUD = ("openai", "elevenlabs", "fish")


@pytest.fixture(params=["fake", "espeak", "flite", *CLOUD, *live(*CLOUD)])
def synthesiser(
    request: pytest.FixtureRequest, engine_settings: Callable[..., Settings], providers: Server
) -> SpeechSynthesiser:
    settings = settings_for(request.param, "speech_synthesis", engine_settings, providers)
    return registry.build("speech_synthesis", settings)


@pytest.fixture
def espeak(engine_settings: Callable[..., Settings]) -> SpeechSynthesiser:
    return registry.build("speech_synthesis", engine_settings(speech_synthesis=("espeak",)))


def english_voices(synthesiser: SpeechSynthesiser) -> list[str]:
    return [voice.voice_id for voice in synthesiser.voices() if "en" in voice.languages]


def test_voices_are_named_and_distinct(synthesiser: SpeechSynthesiser) -> None:
    voices = synthesiser.voices()
    assert len({voice.voice_id for voice in voices}) == len(voices) > 0
    for voice in voices:
        assert voice.voice_id.startswith(f"{synthesiser.name}:")
        assert voice.name
        assert voice.gender in ("female", "male", None)
        assert voice.languages
        assert all(langcodes.standardize_tag(tag) == tag for tag in voice.languages)


def test_it_speaks(synthesiser: SpeechSynthesiser) -> None:
    sound = synthesiser.synthesise(LINE, english_voices(synthesiser)[0], "en")
    assert sound.samples.dtype == np.float32
    assert sound.samples.ndim == 1
    assert sound.rate >= 16_000
    assert synthesiser.rates[0] <= 1.0 <= synthesiser.rates[1]
    assert 0.5 < sound.seconds < 5
    assert 0.01 < np.max(np.abs(sound.samples)) <= 1


def test_a_line_sounds_the_same_every_time_and_each_voice_different(synthesiser: SpeechSynthesiser) -> None:
    first, second = english_voices(synthesiser)[:2]
    sound = synthesiser.synthesise(LINE, first, "en")
    synthesiser.synthesise("Something else.", second, "en")
    again, other = synthesiser.synthesise(LINE, first, "en"), synthesiser.synthesise(LINE, second, "en")
    assert np.array_equal(sound.samples, again.samples)
    assert not np.array_equal(sound.samples, other.samples)


def test_its_own_rate_changes_the_length(synthesiser: SpeechSynthesiser) -> None:
    voice, fastest = english_voices(synthesiser)[0], min(1.25, synthesiser.rates[1])
    usual, fast = (synthesiser.synthesise(LINE, voice, "en", rate=rate).seconds for rate in (1.0, fastest))
    assert fast == pytest.approx(usual / fastest, rel=0.2)
    assert (fast < usual) == (fastest > 1.0)


@pytest.mark.parametrize(
    "voice",
    [
        "nobody",
        "espeak:xx",
        "espeak:es+zz",
        "flite:nobody",
        "fake:nobody",
        "openai:nobody",
        "elevenlabs:no/body",
        "elevenlabs:gone",
        "fish:gone",
        "",
    ],
)
def test_an_unknown_voice_is_refused_by_name(synthesiser: SpeechSynthesiser, voice: str) -> None:
    with pytest.raises(PermanentError) as refused:
        synthesiser.synthesise(LINE, voice, "en")
    assert refused.value.code == "voice_not_found"
    assert repr(voice) in refused.value.message or synthesiser.name == "fake"


@pytest.mark.parametrize("text", ["", "   ", "...", "\n", "—", "\x00\x01"])
def test_nothing_to_say_is_a_failure(synthesiser: SpeechSynthesiser, text: str) -> None:
    with pytest.raises(PermanentError) as refused:
        synthesiser.synthesise(text, english_voices(synthesiser)[0], "en")
    assert refused.value.code == "empty_speech"


@pytest.mark.parametrize(
    "text",
    [
        "<b>bold</b> & <speak>",
        "-voice rms",
        "a\x00b\x07c",
        "[[h@l'oU]]",
        "\ud800 yes",
        "50 % “off” – now…",
        "é ß ñ",
        "|; ls",
    ],
)
def test_any_text_is_only_text(synthesiser: SpeechSynthesiser, text: str) -> None:
    assert synthesiser.synthesise(text, english_voices(synthesiser)[0], "en").seconds > 0.2


def test_espeak_speaks_many_languages_with_several_voices_each(espeak: SpeechSynthesiser) -> None:
    voices = espeak.voices()
    assert len({tag for voice in voices for tag in voice.languages}) > 100
    for tag in ("es", "ca", "fr", "de", "pt-BR", "ko", "ja", "zh"):
        genders = [voice.gender for voice in voices if tag in voice.languages]
        assert genders.count("female") >= 2
        assert genders.count("male") >= 2
    assert next(voice.voice_id for voice in voices if "es" in voice.languages) == "espeak:es"
    assert next(voice.voice_id for voice in voices if "fr" in voice.languages) == "espeak:fr-fr"
    assert espeak.synthesise("Buenos días a todos.", "espeak:es+f3", "es").seconds > 0.8


def test_several_threads_speak_at_once(synthesiser: SpeechSynthesiser) -> None:
    voices = english_voices(synthesiser)[:2] * 6
    alone = {voice: synthesiser.synthesise(LINE, voice, "en").samples for voice in voices}
    with ThreadPoolExecutor(4) as threads:
        sounds = list(threads.map(lambda voice: synthesiser.synthesise(LINE, voice, "en"), voices))
    assert all(np.array_equal(sound.samples, alone[voice]) for sound, voice in zip(sounds, voices, strict=True))


def speakers(of: psutil.Process | None = None) -> list[psutil.Process]:
    """The lasting eSpeak processes of a process, this one if none is given."""
    children = (of or psutil.Process()).children()
    return [child for child in children if any("espeak_library" in word for word in child.cmdline())]


@pytest.fixture
def speaker() -> Iterator[Speaker]:
    one = Speaker()
    yield one
    one.stop()


def test_one_process_speaks_a_threads_lines_and_ends_with_the_engine() -> None:
    engine = EspeakSynthesiser(settings_in(Path("unused")))
    for _ in range(3):
        engine.synthesise(LINE, "espeak:en-us", "en")
    assert len(speakers()) == 1
    del engine
    assert not speakers()


def test_a_killed_speaker_starts_anew(speaker: Speaker) -> None:
    first = speaker.speak(b"Good morning.", "gmw/en", 10.0)
    (own,) = speakers()
    own.kill()
    psutil.wait_procs([own], timeout=2)
    assert speaker.speak(b"Good morning.", "gmw/en", 10.0) == first
    (own,) = speakers()
    own.suspend()
    with pytest.raises(TransientError) as slow:
        speaker.speak(b"Good morning.", "gmw/en", 0.2)
    assert slow.value.code == "synthesis_timed_out"
    assert speaker.speak(b"Good morning.", "gmw/en", 10.0) == first


def test_a_line_that_kills_its_process_is_transient(speaker: Speaker) -> None:
    speaker.speak(b"Good morning.", "gmw/en", 10.0)
    (own,) = speakers()
    with ThreadPoolExecutor(1) as threads:
        long = threads.submit(speaker.speak, b"Good morning. " * 20_000, "gmw/en", 60.0)
        while not (lines := own.children()):
            time.sleep(0.001)
        os.kill(lines[0].pid, signal.SIGSEGV)
        with pytest.raises(TransientError) as crashed:
            long.result()
    assert crashed.value.code == "synthesis_crashed"
    assert speaker.speak(b"Good morning.", "gmw/en", 10.0)


SPEAKS = """
import time
from worker.engines.speech_synthesis.espeak_speaker import Speaker
speaker = Speaker()
speaker.speak(b"Good morning.", "gmw/en", 10.0)
print("spoken", flush=True)
time.sleep(60)
"""


def test_a_speaker_dies_with_a_killed_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", SPEAKS], stdout=subprocess.PIPE, cwd=Path.cwd())
    assert parent.stdout is not None
    parent.stdout.readline()
    (speaker,) = speakers(psutil.Process(parent.pid))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert psutil.wait_procs([speaker], timeout=2)[1] == [] or speaker.status() == psutil.STATUS_ZOMBIE


def test_random_breath_is_the_same_in_every_process() -> None:
    line = "Buenos días a todos.".encode()
    assert Speaker().speak(line, "roa/es+f3", 10.0) == Speaker().speak(line, "roa/es+f3", 10.0)


def test_flite_is_not_offered_where_it_is_not_installed(
    engine_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    flite = registry.build("speech_synthesis", engine_settings(speech_synthesis=("flite",)))
    monkeypatch.setenv("PATH", "/nonexistent")
    assert flite.voices() == ()
    with pytest.raises(PermanentError, match="apt-get install flite"):
        flite.synthesise(LINE, "flite:slt", "en")
