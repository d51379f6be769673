"""WhisperX: batched faster-whisper, its words timed by a forced aligner, speakers by pyannote if configured.

An optional extra (`gpu`). The models load at first use and stay for the process. Voice activity is this project's own.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from shared.config import Settings
from shared.dubbing.transcript import Word
from worker.engines import extra
from worker.engines.protocols import Piece, Recognised, Samples
from worker.engines.sdk.sound_file import is_mute, resampled
from worker.engines.speech_recognition import whisperx_models as models
from worker.engines.speech_recognition.spoken_languages import WHISPER, tag_of, whisper_code
from worker.engines.speech_recognition.timing import between, in_file
from worker.engines.speech_recognition.turns import Turn, speakers_of, spread
from worker.hallucination import credible

BATCH = {"cuda": 16, "cpu": 4}
NO_MODEL = "none"


class WhisperXRecogniser:
    """A SpeechRecogniser."""

    name = "whisperx"
    languages = WHISPER
    detects_language = True
    # e to the power of −1: the mean log probability below which Whisper itself takes a text for failed.
    doubtful_below: float | None = 0.37
    longest_piece = 900.0

    def __init__(self, settings: Settings) -> None:
        extra.demand(self.name, settings)
        self._settings = settings
        self.diarises = settings.whisperx_diarisation_model != NO_MODEL
        used = (settings.whisperx_model, settings.whisperx_diarisation_model if self.diarises else "")
        self.model = "+".join(filter(None, used))

    def recognise(self, pieces: Iterable[Piece], language: str | None) -> Iterator[Recognised]:
        """The words of each piece, one after the other. Raises PermanentError `model_unavailable`, TransientError."""
        for piece in pieces:
            if is_mute(piece.sound):
                yield Recognised(piece.index, ())
                continue
            with models.ALONE:
                heard = self._heard(piece, language)
            yield heard

    def _heard(self, piece: Piece, language: str | None) -> Recognised:
        place = models.Place.of(self._settings)
        samples = resampled(piece.sound)
        told = self._transcribed(samples, language, place)
        timed = (self._timed(segment, told["language"], samples, place) for segment in told["segments"])
        words = sorted(chain.from_iterable(timed), key=lambda word: word.start)
        speakers = speakers_of(words, self._turns(samples, piece, place)) if self.diarises else None
        return Recognised(piece.index, in_file(words, piece), tag_of(told["language"]), speakers)

    def _transcribed(self, samples: Samples, language: str | None, place: models.Place) -> dict[str, Any]:
        """`{segments: [{text, start, end, avg_logprob}], language}`, without what was made up."""
        pipeline = models.transcriber(self._settings.whisperx_model, place)
        code = whisper_code(language) if language else None
        with extra.running(self.name):
            told: dict[str, Any] = pipeline.transcribe(samples, batch_size=BATCH[place.device], language=code)
        kept = [s for s in told["segments"] if s["text"].strip() and credible(s["text"], log_probability=_sure(s))]
        return {**told, "segments": kept}

    def _timed(self, segment: dict[str, Any], language: str, samples: Samples, place: models.Place) -> list[Word]:
        """The words of a segment: aligned where there is an aligner for the language, else spread over it."""
        confidence = min(1.0, math.exp(_sure(segment)))
        aligner = models.aligner(language, place)
        if aligner is None:
            return spread(segment["text"], segment["start"], segment["end"], confidence)
        with extra.running(self.name):
            aligned = aligner([segment], samples)
        return _words(aligned, segment, confidence)

    def _turns(self, samples: Samples, piece: Piece, place: models.Place) -> list[Turn]:
        diariser = models.diariser(self._settings.whisperx_diarisation_model, place, _token(self._settings))
        with extra.running(self.name):
            told = diariser(samples).to_dict("records")
        return [Turn(turn["start"], turn["end"], f"{piece.index}:{turn['speaker']}") for turn in told]


def _words(aligned: Sequence[dict[str, Any]], segment: dict[str, Any], confidence: float) -> list[Word]:
    """The aligned words; one that carries no time (a number, a sign) shares the gap that it stands in."""
    start, seconds = segment["start"], segment["end"] - segment["start"]
    times = [(w["start"] - start, w["end"] - start) if "start" in w and "end" in w else None for w in aligned]
    filled = between(times, seconds)
    return [
        Word(word["word"].strip(), start + begin, start + end, confidence)
        for word, (begin, end) in zip(aligned, filled, strict=True)
        if word["word"].strip()
    ]


def _sure(segment: dict[str, Any]) -> float:
    return float(segment.get("avg_logprob") or 0.0)


def _token(settings: Settings) -> str | None:
    return settings.whisperx_token.get_secret_value() if settings.whisperx_token else None
