"""transcribe: who says what, when. A given transcript is timed; else the voiced spans are recognised."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import soxr

from shared.dubbing.transcript import GivenTranscript, Transcript, Word
from shared.errors import PermanentError
from worker.artifacts import Recipe
from worker.engines import registry
from worker.engines.protocols import Piece, Recognised, Sound, SpeechRecogniser
from worker.given_transcript import timed
from worker.media import ffmpeg
from worker.media.audio import read_span, resampled_mono
from worker.media.voice_activity import RATE, pieces, voiced_spans
from worker.segmentation import segmented
from worker.spans import Span, union
from worker.stages.extract import Extracted
from worker.work import Work

VERSION = 1
LONGEST_PIECE_SECONDS = 30.0
UNDETERMINED = "und"  # BCP-47: nothing was said in any language


@dataclass(frozen=True)
class Heard:
    """The transcript, the spans of the source's speech (seconds), who wrote it, and what is doubtful about it."""

    transcript: Transcript
    speech: list[Span]
    engine: str
    warnings: tuple[str, ...]


def transcribe(work: Work, sound: Extracted) -> Heard:
    """Find who says what. Raises PermanentError `transcript_does_not_match`, `source_language_unknown`, …"""
    work.progress.begin("transcribe")
    voiced = _voiced(work, sound)
    given = work.request.transcript
    if given is not None:
        transcript, engine, warnings = _given(work, sound, voiced, given)
    else:
        transcript, engine, warnings = _recognised(work, sound, voiced)
    if not transcript.segments:
        warnings = (*warnings, "no_speech_found")
    return Heard(transcript, _speech(voiced, transcript), engine, warnings)


def _voiced(work: Work, sound: Extracted) -> list[Span]:
    recipe = Recipe("transcribe.voice_activity", VERSION, (sound.sound.fingerprint,))
    found = work.checkpoints.make_document(
        recipe, lambda: [[span.start, span.end] for span in voiced_spans(resampled_mono(_path(work, sound), RATE))]
    )
    return [Span(start, end) for start, end in found]


def _given(
    work: Work, sound: Extracted, voiced: list[Span], given: GivenTranscript
) -> tuple[Transcript, str, tuple[str, ...]]:
    """The transcript that came with the job: its times snapped to the sound, or found by forced alignment."""
    language = _source_language(work)
    aligner = None if given.timed else registry.build("forced_alignment", work.settings)
    engine = "given" if aligner is None else f"given, aligned by {aligner.name}/{aligner.model}"
    options = {"given": given.to_dict(), "language": language}
    recipe = Recipe("transcribe.given", VERSION, (sound.sound.fingerprint,), options, engine)
    document = work.checkpoints.make_document(
        recipe,
        lambda: timed(
            given,
            language,
            voiced,
            read=lambda start, end: _read(work, sound, start, end),
            aligner=aligner,
            duration=sound.seconds,
        ).to_dict(),
    )
    return Transcript.from_dict(document), engine, ()


def _recognised(work: Work, sound: Extracted, voiced: list[Span]) -> tuple[Transcript, str, tuple[str, ...]]:
    recogniser: SpeechRecogniser = registry.build("speech_recognition", work.settings)
    engine = f"{recogniser.name}/{recogniser.model}"
    heard = _Recognition(work, sound, recogniser, engine).run(voiced)
    words = sorted((word for piece in heard for word in piece.words), key=lambda word: word.start)
    language = work.request.source_language or (_detected(heard) if words else UNDETERMINED)
    doubtful = (
        recogniser.doubtful_below is not None
        and bool(words)
        and (fmean(word.confidence for word in words) < recogniser.doubtful_below)
    )
    return Transcript(language, segmented(words, language)), engine, ("recognition_doubtful",) if doubtful else ()


class _Recognition:
    """Recognition piece by piece; each piece's words are a checkpoint of their own."""

    def __init__(self, work: Work, sound: Extracted, recogniser: SpeechRecogniser, engine: str) -> None:
        self._work = work
        self._sound = sound
        self._recogniser = recogniser
        self._engine = engine
        self._recipes: dict[int, Recipe] = {}
        self._ends: dict[int, float] = {}

    def run(self, voiced: list[Span]) -> list[Recognised]:
        """The words of all pieces, in order."""
        done: dict[int, Recognised] = {}
        for recognised in self._recogniser.recognise(self._missing(voiced, done), self._work.request.source_language):
            self._work.checkpoints.make_document(self._recipes[recognised.index], lambda r=recognised: asdict(r))  # type: ignore[misc]
            done[recognised.index] = recognised
            self._work.progress.at(self._ends[recognised.index] / self._sound.seconds)
        return [done[index] for index in sorted(done)]

    def _missing(self, voiced: list[Span], done: dict[int, Recognised]) -> Iterator[Piece]:
        """The pieces that no earlier attempt recognised; what one did is put into `done`."""
        found = pieces(voiced, lambda start, end: _read(self._work, self._sound, start, end), LONGEST_PIECE_SECONDS)
        for piece in found:
            recipe = self._recipe(piece)
            known = self._work.checkpoints.find([recipe]).get(recipe.fingerprint)
            if known is None:
                yield piece
            else:
                done[piece.index] = _from_document(self._work.checkpoints.document(known))

    def _recipe(self, piece: Piece) -> Recipe:
        options = {
            "start": round(piece.start, 3),
            "seconds": round(piece.sound.seconds, 3),
            "language": self._work.request.source_language,
        }
        recipe = Recipe("transcribe.piece", VERSION, (self._sound.sound.fingerprint,), options, self._engine)
        self._recipes[piece.index], self._ends[piece.index] = recipe, piece.start + piece.sound.seconds
        return recipe


def _from_document(document: dict[str, Any]) -> Recognised:
    words = tuple(Word(**word) for word in document["words"])
    return Recognised(document["index"], words, document["language"])


def _speech(voiced: list[Span], transcript: Transcript) -> list[Span]:
    """The source's speech: the segments, and the voiced spans that they touch. A voice that nobody wrote down is song
    or laughter, and stays."""
    lines = union(Span(segment.start, segment.end) for segment in transcript.segments)
    touched = [span for span in voiced if any(line.start < span.end and span.start < line.end for line in lines)]
    return union([*lines, *touched])


def _detected(heard: list[Recognised]) -> str:
    """The language most pieces are in."""
    languages = [piece.language for piece in heard if piece.language]
    if not languages:
        raise PermanentError("source_language_unknown", "The language could not be told. Name the source language.")
    return max(set(languages), key=languages.count)


def _source_language(work: Work) -> str:
    if work.request.source_language is None:
        raise PermanentError("source_language_required", "Name the source language of the transcript.")
    return work.request.source_language


def _path(work: Work, sound: Extracted) -> Path:
    return work.checkpoints.path(sound.sound)


def _read(work: Work, sound: Extracted, start: float, end: float) -> Sound:
    """That stretch of the file, mono at 16 kHz."""
    samples = read_span(_path(work, sound), start, min(end, sound.seconds)).mean(axis=1, dtype=np.float32)
    return Sound(soxr.resample(samples, ffmpeg.RATE, RATE), RATE)
