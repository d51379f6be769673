"""Which engines there are, by slot and name."""

import importlib
import sys
from collections.abc import Callable
from typing import Any, Literal, overload

from shared.config import ENGINE_SLOTS, PREFIX, Settings, SettingsError
from worker.engines import extra
from worker.engines.protocols import (
    ForcedAligner,
    SourceSeparator,
    SpeechRecogniser,
    SpeechSynthesiser,
    Translator,
    VoiceCloner,
)

Factory = Callable[[Settings], Any]

# Where each engine lives; imported only when it is built, for some pull in large libraries.
ENGINES: dict[str, dict[str, str]] = {
    "speech_recognition": {
        "elevenlabs": "worker.engines.speech_recognition.elevenlabs:ElevenLabsRecogniser",
        "openai": "worker.engines.speech_recognition.openai:OpenAIRecogniser",
        "pocketsphinx": "worker.engines.speech_recognition.pocketsphinx:PocketSphinxRecogniser",
        "whisperx": "worker.engines.speech_recognition.whisperx:WhisperXRecogniser",
    },
    "forced_alignment": {"pocketsphinx": "worker.engines.speech_recognition.pocketsphinx_aligner:PocketSphinxAligner"},
    "translation": {
        "apertium": "worker.engines.translation.apertium:ApertiumTranslator",
        "openai": "worker.engines.translation.openai:OpenAITranslator",
    },
    "speech_synthesis": {
        "elevenlabs": "worker.engines.speech_synthesis.elevenlabs:ElevenLabsSynthesiser",
        "espeak": "worker.engines.speech_synthesis.espeak:EspeakSynthesiser",
        "fish": "worker.engines.speech_synthesis.fish:FishSynthesiser",
        "flite": "worker.engines.speech_synthesis.flite:FliteSynthesiser",
        "openai": "worker.engines.speech_synthesis.openai:OpenAISynthesiser",
    },
    "source_separation": {
        "demucs": "worker.engines.source_separation.demucs:DemucsSeparator",
        "ducking": "worker.engines.source_separation.ducking:Ducking",
        "elevenlabs": "worker.engines.source_separation.elevenlabs:ElevenLabsIsolation",
    },
    # By the synthesiser that speaks with the clones; there is no setting of its own.
    "voice_cloning": {
        "elevenlabs": "worker.engines.voice_cloning.elevenlabs:ElevenLabsCloner",
        "fish": "worker.engines.voice_cloning.fish:FishCloner",
    },
}


class Registry:
    """Factories by slot and name. Modules that Settings.engine_modules names (tests only) add to it."""

    def __init__(self) -> None:
        self._factories: dict[str, dict[str, Factory]] = {
            slot: {name: _lazily(where) for name, where in named.items()} for slot, named in ENGINES.items()
        }

    def register(self, slot: str, name: str, factory: Factory) -> None:
        """Add an engine; `factory` gets the Settings."""
        self._factories[slot][name] = factory

    def names(self, slot: str) -> list[str]:
        """The known engines of `slot`."""
        return sorted(self._factories[slot])

    def build(self, slot: str, settings: Settings) -> Any:
        """The engine configured for `slot`. Raises SettingsError for an unknown name or more than one."""
        names = settings.engines(slot)
        if len(names) != 1:
            raise SettingsError(f"{PREFIX}{slot.upper()} must name exactly one engine, not {', '.join(names)}.")
        return self.build_all(slot, settings)[0]

    def check(self, settings: Settings) -> None:
        """Raises SettingsError where a setting names an engine that does not exist or can't run here, or one twice.

        Builds nothing.
        """
        for slot in ENGINE_SLOTS:
            names = settings.engines(slot)
            if len(set(names)) != len(names):
                raise SettingsError(f"{PREFIX}{slot.upper()} names an engine twice: {', '.join(names)}.")
            for name in names:
                self._factory(slot, name)
                extra.demand(name, settings)

    def build_all(self, slot: str, settings: Settings) -> list[Any]:
        """The engines configured for `slot`, in order. Raises SettingsError for an unknown name."""
        return [self._factory(slot, name)(settings) for name in settings.engines(slot)]

    def cloner(self, name: str, settings: Settings) -> VoiceCloner | None:
        """The cloner that belongs to the synthesiser `name`, if it has one."""
        factory = self._factories["voice_cloning"].get(name)
        return factory(settings) if factory else None

    def _factory(self, slot: str, name: str) -> Factory:
        if name not in self._factories[slot]:
            variable, known = f"{PREFIX}{slot.upper()}", ", ".join(self.names(slot))
            raise SettingsError(f"{variable} names the engine {name!r}, which does not exist. Known: {known}.")
        return self._factories[slot][name]


@overload
def build(slot: Literal["speech_recognition"], settings: Settings) -> SpeechRecogniser: ...
@overload
def build(slot: Literal["forced_alignment"], settings: Settings) -> ForcedAligner: ...
@overload
def build(slot: Literal["translation"], settings: Settings) -> Translator: ...
@overload
def build(slot: Literal["speech_synthesis"], settings: Settings) -> SpeechSynthesiser: ...
@overload
def build(slot: Literal["source_separation"], settings: Settings) -> SourceSeparator: ...
def build(slot: str, settings: Settings) -> Any:
    """The engine configured for `slot`. Raises SettingsError for an unknown name or more than one."""
    return registry(settings).build(slot, settings)


def build_all(slot: str, settings: Settings) -> list[Any]:
    """The engines configured for `slot`, in order; see worker.engines.chain. Raises SettingsError."""
    return registry(settings).build_all(slot, settings)


def cloner(settings: Settings, name: str | None = None) -> VoiceCloner | None:
    """The cloner of the synthesiser `name`, else of the first configured one that has one."""
    known = registry(settings)
    names = settings.engines("speech_synthesis") if name is None else (name,)
    return next(filter(None, (known.cloner(name, settings) for name in names)), None)


def registry(settings: Settings) -> Registry:
    """All engines these settings may name. Raises SettingsError for a test module outside tests."""
    known = Registry()
    if settings.engine_modules and settings.environment != "test":
        raise SettingsError(f"{PREFIX}ENGINE_MODULES is for tests only.")
    for module in settings.engine_modules:
        importlib.import_module(module).register(known)
    return known


def check_or_exit(settings: Settings) -> None:
    """Exit code 78 (EX_CONFIG) with one clear sentence on stderr where a setting names no engine that exists."""
    try:
        registry(settings).check(settings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(78) from None


def _lazily(where: str) -> Factory:
    module, name = where.split(":")

    def factory(settings: Settings) -> Any:
        return getattr(importlib.import_module(module), name)(settings)

    return factory
