"""OpenAI's transcription models, at OpenAI or at any server that speaks its language.

No model gives both word times and speakers: a model of Whisper's kind gives the times, the diarising model gives the
turns, and each word gets the speaker whose turn it overlaps. Either may be left out by configuration (`none`). A model
that gives text only is asked for short pieces, and their words are spread over them.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial

from shared.config import Settings
from worker.engines.door import door
from worker.engines.protocols import Piece, Recognised
from worker.engines.sdk import openai as sdk
from worker.engines.sdk.sound_file import is_mute
from worker.engines.speech_recognition.as_they_come import as_they_come
from worker.engines.speech_recognition.known_speakers import KnownSpeakers
from worker.engines.speech_recognition.openai_requests import Diarised, Requests, Transcribed
from worker.engines.speech_recognition.spoken_languages import WHISPER
from worker.engines.speech_recognition.timing import in_file
from worker.engines.speech_recognition.turns import speakers_of, spread

# 25 MB a file, which even noise that FLAC can't compress fills in 780 s only (and 1,400 s for the diarising model).
LONGEST_DIARISED = 750.0
LONGEST_TIMED = 120.0
LONGEST_UNTIMED = 15.0


@dataclass(slots=True)
class _Halves:
    """The two answers about one piece, as far as they have come."""

    transcribed: Transcribed | None = None
    diarised: Diarised | None = None


class OpenAIRecogniser:
    """A SpeechRecogniser."""

    name = "openai"
    languages = WHISPER
    detects_language = True

    def __init__(self, settings: Settings) -> None:
        self._requests = Requests(settings, door(sdk.PROVIDER, settings))
        self._at_once = settings.openai_concurrency
        self._halves: dict[tuple[int, float, int], _Halves] = {}
        self.diarises = self._requests.diarising is not None
        self.model = "+".join(filter(None, (self._requests.transcribing, self._requests.diarising)))
        # e to the power of −1: the mean log probability below which Whisper itself takes a text for failed.
        self.doubtful_below: float | None = 0.37 if self._requests.gives_times else None
        self.longest_piece = self._longest_piece()

    def recognise(self, pieces: Iterable[Piece], language: str | None) -> Iterator[Recognised]:
        """The words of each piece as they come; the speakers of the first are pointed out in the others."""
        hear = partial(self._heard, language, KnownSpeakers())
        return as_they_come(hear, pieces, self._at_once, first_alone=self.diarises)

    def _longest_piece(self) -> float:
        if self.diarises:
            return LONGEST_DIARISED
        return LONGEST_TIMED if self._requests.gives_times else LONGEST_UNTIMED

    def _heard(self, language: str | None, known: KnownSpeakers, piece: Piece) -> Recognised:
        if is_mute(piece.sound):
            return Recognised(piece.index, ())
        told = self._asked(language, known, piece)
        turns = known.named(told.diarised.turns, piece, told.diarised.pointed_out) if told.diarised else ()
        if told.transcribed is None:
            words = tuple(word for turn in turns for word in spread(turn.text, turn.start, turn.end))
        else:
            words = told.transcribed.words
        words = tuple(sorted(words, key=lambda word: word.start))
        heard_in = told.transcribed.language if told.transcribed else None
        return Recognised(piece.index, in_file(words, piece), heard_in or language, speakers_of(words, turns))

    def _asked(self, language: str | None, known: KnownSpeakers, piece: Piece) -> _Halves:
        """Both answers, asked for at once. One that came alone is kept for when the piece is tried again."""
        key = (piece.index, piece.start, len(piece.sound.samples))
        halves = self._halves.setdefault(key, _Halves())

        def transcribe() -> None:
            if self._requests.transcribing and halves.transcribed is None:
                halves.transcribed = self._requests.transcribed(piece.sound, language)

        def diarise() -> None:
            if self._requests.diarising and halves.diarised is None:
                halves.diarised = self._requests.diarised(piece.sound, language, known.acquaintance)

        with ThreadPoolExecutor(2) as pool:
            running = [pool.submit(copy_context().run, half) for half in (transcribe, diarise)]
        for future in running:
            future.result()
        return self._halves.pop(key)
