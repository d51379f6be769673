"""ElevenLabs' Scribe: words with times, speakers and the language in one request."""

import math
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import langcodes
from elevenlabs.core.request_options import RequestOptions

from shared.config import Settings
from shared.dubbing.transcript import Word
from worker.engines.door import Usage, door, paid
from worker.engines.protocols import Piece, Recognised
from worker.engines.sdk import elevenlabs as sdk
from worker.engines.sdk.sound_file import encoded, is_mute
from worker.engines.speech_recognition.as_they_come import as_they_come
from worker.engines.speech_recognition.spoken_languages import SCRIBE, tag_of
from worker.engines.speech_recognition.timing import in_file

Said = tuple[Word, str]


class ElevenLabsRecogniser:
    """A SpeechRecogniser."""

    name = "elevenlabs"
    languages = SCRIBE
    detects_language = True
    # It tells a probability of each word; below which mean a transcript is doubtful nobody has measured.
    doubtful_below: float | None = None
    # It takes 10 hours at once; a quarter of one keeps speakers apart well, and memory small.
    longest_piece = 900.0
    diarises = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._door = door(sdk.PROVIDER, settings)
        self._at_once = settings.elevenlabs_concurrency
        self.model = settings.elevenlabs_recognition_model

    def recognise(self, pieces: Iterable[Piece], language: str | None) -> Iterator[Recognised]:
        """The words and speakers of each piece as they come."""
        return as_they_come(partial(self._heard, language), pieces, self._at_once)

    def _heard(self, language: str | None, piece: Piece) -> Recognised:
        if is_mute(piece.sound):
            return Recognised(piece.index, ())
        file = ("piece.flac", encoded(piece.sound), "audio/flac")
        timeout = self._settings.provider_timeout_seconds + piece.sound.seconds / 2
        options = RequestOptions(max_retries=0, timeout_in_seconds=math.ceil(timeout))
        usage = (Usage("seconds", piece.sound.seconds),)
        told: dict[str, Any] = {"language_code": langcodes.get(language).language} if language else {}

        def call() -> tuple[list[Said], str | None]:
            with sdk.told():
                answer: Any = sdk.client(self._settings).speech_to_text.convert(
                    model_id=self.model,
                    file=file,
                    diarize=True,
                    timestamps_granularity="word",
                    tag_audio_events=False,
                    temperature=0.0,
                    request_options=options,
                    **told,
                )
            with paid(usage), sdk.told():
                return list(_words(answer.words, piece)), tag_of(answer.language_code)

        said, heard_in = self._door.call(call, slot="speech_recognition", model=self.model, usage=lambda _: usage)
        said.sort(key=lambda each: each[0].start)
        words, speakers = tuple(word for word, _ in said), tuple(speaker for _, speaker in said)
        return Recognised(piece.index, in_file(words, piece), heard_in or language, speakers)


def _words(told: Iterable[Any], piece: Piece) -> Iterator[Said]:
    """Words only: neither the spaces between them nor laughter and the like. Speakers are told within the piece."""
    speaker = "speaker_0"
    for item in told:
        speaker = item.speaker_id or speaker
        if item.type == "word" and item.text.strip():
            confidence = min(1.0, math.exp(item.logprob)) if item.logprob is not None else 1.0
            yield Word(item.text.strip(), float(item.start), float(item.end), confidence), f"{piece.index}:{speaker}"
