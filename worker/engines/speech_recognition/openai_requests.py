"""The requests for one piece of sound to OpenAI's transcription models, and what their answers say."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from openai import omit
from openai.types.audio import Transcription, TranscriptionDiarized, TranscriptionVerbose
from openai.types.audio.transcription_segment import TranscriptionSegment

from shared.config import Settings, is_no_model
from shared.dubbing.transcript import Word
from worker.engines.door import Door, Usage, paid
from worker.engines.protocols import Sound
from worker.engines.sdk import openai as sdk
from worker.engines.sdk.sound_file import encoded
from worker.engines.speech_recognition.known_speakers import Acquaintance
from worker.engines.speech_recognition.spoken_languages import tag_of, whisper_code
from worker.engines.speech_recognition.turns import Turn, punctuated, spread
from worker.hallucination import credible

Read = TypeVar("Read")

SLOT = "speech_recognition"
TEXT_ONLY = "gpt-"  # the names of models that give no times begin so


@dataclass(frozen=True, slots=True)
class Transcribed:
    """Words with times in seconds from the piece's start, and the language (BCP-47) if told."""

    words: tuple[Word, ...]
    language: str | None


@dataclass(frozen=True, slots=True)
class Diarised:
    """Turns with times in seconds from the piece's start, and the speakers who were pointed out."""

    turns: tuple[Turn, ...]
    pointed_out: Acquaintance


class Requests:
    """The models in use; None: not asked. Settings see to it that one is."""

    def __init__(self, settings: Settings, door: Door) -> None:
        self._settings = settings
        self._door = door
        self.diarising = _named(settings.openai_diarisation_model)
        named = _named(settings.openai_transcription_model)
        self.gives_times = named is not None and not named.startswith(TEXT_ONLY)
        # The diarising model's own text is better timed than another's without any times.
        self.transcribing = named if self.gives_times or self.diarising is None else None

    def transcribed(self, sound: Sound, language: str | None) -> Transcribed:
        """What is said in `sound`. Raises TransientError, PermanentError."""
        assert self.transcribing is not None
        if self.gives_times:
            options = {"response_format": "verbose_json", "timestamp_granularities": ["word", "segment"]}
            return self._asked(self.transcribing, sound, language, {**options, "temperature": 0}, _timed)
        return self._asked(self.transcribing, sound, language, {"response_format": "json"}, _untimed)

    def diarised(self, sound: Sound, language: str | None, known: Acquaintance) -> Diarised:
        """Who speaks when in `sound`. Raises TransientError, PermanentError."""
        assert self.diarising is not None
        options: dict[str, Any] = {"response_format": "diarized_json", "chunking_strategy": "auto"}
        if known.names:
            options |= {"known_speaker_names": known.aliases, "known_speaker_references": known.samples}
        turns = self._asked(self.diarising, sound, language, options, _turns)
        return Diarised(turns, known)

    def _asked(
        self,
        model: str,
        sound: Sound,
        language: str | None,
        options: dict[str, Any],
        read: Callable[[Any, Sound], Read],
    ) -> Read:
        """What `read` makes of the answer to one request."""
        file, code = ("piece.flac", encoded(sound), "audio/flac"), whisper_code(language) if language else omit
        timeout = self._settings.provider_timeout_seconds + sound.seconds / 2

        def call() -> tuple[Read, tuple[Usage, ...]]:
            with sdk.told():
                answer = sdk.client(self._settings).audio.transcriptions.create(
                    file=file, model=model, language=code, timeout=timeout, **options
                )
            usage = tuple(_usage(getattr(answer, "usage", None), sound))
            with paid(usage), sdk.readable():
                return read(answer, sound), usage

        made, _ = self._door.call(call, slot=SLOT, model=model, usage=lambda result: result[1])
        return made


def _named(model: str) -> str | None:
    return None if is_no_model(model) else model


def _usage(told: Any, sound: Sound) -> Iterator[Usage]:
    """What is paid for: tokens where the answer counts them, else seconds."""
    if getattr(told, "type", None) == "tokens":
        yield Usage("input_tokens", getattr(told, "input_tokens", 0))
        yield Usage("output_tokens", getattr(told, "output_tokens", 0))
    else:
        yield Usage("seconds", getattr(told, "seconds", None) or sound.seconds)


def _timed(answer: TranscriptionVerbose, _sound: Sound) -> Transcribed:
    words, segments = answer.words or [], answer.segments or []
    texts = punctuated([word.word.strip() for word in words], answer.text)
    timed = [(text, word.start, word.end) for text, word in zip(texts, words, strict=True) if text]
    if not words:  # a server without word times
        timed = [(w.text, w.start, w.end) for s in segments for w in spread(s.text, s.start, s.end)]
    return Transcribed(tuple(_judged(timed, segments)), tag_of(answer.language))


def _judged(timed: Sequence[tuple[str, float, float]], segments: Sequence[TranscriptionSegment]) -> Iterator[Word]:
    """The words in segments that can be believed, with the mean probability of the segment's tokens."""
    for text, start, end in timed:
        middle = (start + end) / 2
        within = min(segments, key=lambda s: max(s.start - middle, middle - s.end), default=None)
        if within is None:
            yield Word(text, start, end)
        elif _credible(within):
            yield Word(text, start, end, min(1.0, math.exp(within.avg_logprob)))


def _untimed(answer: Transcription, sound: Sound) -> Transcribed:
    languages = [language.code for language in answer.languages or ()]
    words = spread(answer.text, 0.0, sound.seconds) if credible(answer.text) else []
    return Transcribed(tuple(words), tag_of(languages[0]) if languages else None)


def _turns(answer: TranscriptionDiarized, _sound: Sound) -> tuple[Turn, ...]:
    said = sorted(answer.segments, key=lambda segment: segment.start)
    return tuple(Turn(s.start, s.end, s.speaker, s.text) for s in said if s.end > s.start and credible(s.text))


def _credible(segment: TranscriptionSegment) -> bool:
    return credible(
        segment.text,
        no_speech=segment.no_speech_prob,
        log_probability=segment.avg_logprob,
        compression=segment.compression_ratio,
    )
