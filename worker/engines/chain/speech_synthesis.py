"""Synthesisers as one."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

import numpy as np

from shared import log
from shared.config import Settings
from shared.errors import PermanentError, PipelineError, TransientError
from shared.spoken import speaking, speaks
from shared.voice import Voice, engine_of
from worker.engines.chain.chain import Chain, label_of
from worker.engines.door import language_served
from worker.engines.errors import NoSoundError
from worker.engines.protocols import NO_SPEECH_CONTEXT, Sound, SpeechContext, SpeechSynthesiser
from worker.engines.retry import with_retries

logger = log.get(__name__)

NOTHING = Sound(np.zeros(0, np.float32), 16_000)
# What providers said they have, for as long as this process lives: asking takes a request.
_listed: dict[tuple[str, Settings], tuple[Voice, ...]] = {}


class Utterance(NamedTuple):
    """What is to be said, and how."""

    text: str
    voice_id: str
    language: str
    rate: float = 1.0
    context: SpeechContext = NO_SPEECH_CONTEXT


@dataclass(frozen=True, slots=True)
class Said:
    """A line's sound, the engine that spoke it (`name/model`), in which voice, and why not in the one asked for:
    `reasons` are `voice_substituted`, and `content_refused` where that was why. A sound of no length: there is nothing
    to say, or nothing but silence came."""

    sound: Sound
    engine: str
    voice_id: str
    reasons: tuple[str, ...] = ()


class SpeechSynthesisChain(Chain[SpeechSynthesiser]):
    """A SpeechSynthesiser of all voices. The voice says whose turn it is; while that engine is out, the next one that
    speaks the language does the line in a voice of the same gender."""

    def __init__(self, engines: Sequence[SpeechSynthesiser], settings: Settings) -> None:
        super().__init__(engines, settings)
        self._settings = settings
        self.parallel_lines = max(engine.parallel_lines for engine in engines)
        slowest, fastest = zip(*(engine.rates for engine in engines), strict=True)
        self.rates = (max(slowest), min(fastest))
        self._substitutes: dict[tuple[str, str], str] = {}
        self._choosing = threading.Lock()

    def rates_of(self, voice_id: str) -> tuple[float, float]:
        """`rates` of the engine that speaks with this voice."""
        return next((engine.rates for engine in self.engines if engine.name == engine_of(voice_id)), (1.0, 1.0))

    def voices(self) -> tuple[Voice, ...]:
        """The voices of all engines that can be asked now, in the engines' order. Raises TransientError if none can."""
        return _of_all(self._offers())

    def voices_for(self, language: str, wished: Mapping[str, str]) -> tuple[Voice, ...]:
        """`voices()` and those `wished` for (voice ids) whose engine can't be asked now which it has: that a provider
        is away is no reason to give a speaker another voice for good."""
        listed = self._offers()
        unlisted = {name for name, voices in listed.items() if voices is None}
        there = [Voice(wish, wish, (language,)) for wish in wished.values() if engine_of(wish) in unlisted]
        return (*_of_all(listed), *there)

    def _offers(self) -> dict[str, tuple[Voice, ...] | None]:
        """By engine what it has; None of those that can't be asked now."""
        return {engine.name: self.voices_of(engine) for engine in self.engines}

    def synthesise(
        self,
        text: str,
        voice_id: str,
        language: str,
        *,
        rate: float = 1.0,
        context: SpeechContext = NO_SPEECH_CONTEXT,
    ) -> Sound:
        """As SpeechSynthesiser has it."""
        sound = self.speak(Utterance(text, voice_id, language, rate, context)).sound
        if not len(sound.samples):
            message = "The voice speaks this line as silence. Change the line's text or choose another voice."
            raise PermanentError("empty_speech", message)
        return sound

    def speak(self, utterance: Utterance) -> Said:
        """The line, and who spoke it; no sound where patience brought nothing but silence, for the job's next attempt
        would pay for as much again. Raises as SpeechSynthesiser.synthesise does, but for `empty_speech`."""
        token = language_served.set(utterance.language)
        try:
            done = self.first(self._able(utterance), lambda engine: self._said(engine, utterance))
        except NoSoundError:
            return Said(NOTHING, "", utterance.voice_id)
        finally:
            language_served.reset(token)
        reasons = ("voice_substituted",) if done.passed else ()
        refused = ("content_refused",) if "content_refused" in done.passed else ()
        sound, voice_id = done.result
        return Said(sound, label_of(done.engine), voice_id, (*refused, *reasons))

    def _able(self, utterance: Utterance) -> list[SpeechSynthesiser]:
        """The voice's own engine, then the others that may have a voice for the language."""
        own = [engine for engine in self.engines if engine.name == engine_of(utterance.voice_id)]
        if not own:
            raise PermanentError("voice_not_found", f"No engine speaks with the voice {utterance.voice_id!r} here.")
        others = [engine for engine in self.engines if engine not in own]
        return [own[0], *(engine for engine in others if self._may_speak(engine, utterance.language))]

    def _may_speak(self, engine: SpeechSynthesiser, language: str) -> bool:
        voices = _listed.get(self._key(engine))
        return voices is None or any(speaks(voice, language) for voice in voices)

    def _key(self, engine: SpeechSynthesiser) -> tuple[str, Settings]:
        return label_of(engine), self._settings

    def _said(self, engine: SpeechSynthesiser, utterance: Utterance) -> tuple[Sound, str]:
        own = engine.name == engine_of(utterance.voice_id)
        voice_id = utterance.voice_id if own else self._substitute(engine, utterance)
        slowest, fastest = engine.rates
        rate = min(max(utterance.rate, slowest), fastest)
        try:
            sound = engine.synthesise(
                utterance.text, voice_id, utterance.language, rate=rate, context=utterance.context
            )
        except PermanentError as error:
            if error.code != "empty_speech":
                raise
            sound = NOTHING
        return sound, voice_id

    def _substitute(self, engine: SpeechSynthesiser, utterance: Utterance) -> str:
        """A voice of `engine` of the same gender if there is one; one for each voice asked for, as far as they go."""
        key = (engine.name, utterance.voice_id)
        if key not in self._substitutes:
            fitting = speaking(self._asked_once(engine), utterance.language)
            if not fitting:
                # Worth another attempt at the whole: the voice's own engine may be back by then.
                raise TransientError("no_substitute_voice", f"{engine.name} has no voice for {utterance.language}.")
            gender = self._gender_of(utterance.voice_id)
            with self._choosing:
                taken = {voice for (name, _), voice in self._substitutes.items() if name == engine.name}
                self._substitutes.setdefault(key, _chosen(fitting, utterance.voice_id, gender, taken))
        return self._substitutes[key]

    def _gender_of(self, voice_id: str) -> str | None:
        own = next(engine for engine in self.engines if engine.name == engine_of(voice_id))
        try:
            return next((voice.gender for voice in self._asked_once(own) if voice.voice_id == voice_id), None)
        except PipelineError:
            return None

    def voices_of(self, engine: SpeechSynthesiser) -> tuple[Voice, ...] | None:
        """The engine's voices, asked for with patience, and once; None while it does not answer."""
        try:
            return with_retries(lambda: self._asked_once(engine), self.patience)
        except PipelineError as error:
            if not self.passes_on(error):
                raise
            logger.warning("voices unknown", engine=engine.name, code=error.code, message=error.message)
            return None

    def _asked_once(self, engine: SpeechSynthesiser) -> tuple[Voice, ...]:
        """The engine's voices; whoever asks has the patience."""
        key = self._key(engine)
        if key not in _listed:
            _listed[key] = engine.voices()
        return _listed[key]


def _of_all(listed: Mapping[str, tuple[Voice, ...] | None]) -> tuple[Voice, ...]:
    known = [voices for voices in listed.values() if voices is not None]
    if not known:
        raise TransientError("voices_unknown", "No provider of voices says which it has.")
    return tuple(voice for voices in known for voice in voices)


def _chosen(fitting: Sequence[Voice], voice_id: str, gender: str | None, taken: set[str]) -> str:
    """Of `gender` if there is one, and not `taken` if there is one."""
    alike = [voice for voice in fitting if gender and voice.gender == gender] or list(fitting)
    first = crc32(voice_id.encode()) % len(alike)
    in_turn = alike[first:] + alike[:first]
    return next((voice.voice_id for voice in in_turn if voice.voice_id not in taken), in_turn[0].voice_id)
