"""transcribe: who says what, when. A given transcript is timed; else the voiced spans are recognised."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from shared.dubbing.transcript import GivenTranscript, Transcript
from shared.errors import PermanentError
from worker.artifacts import Recipe
from worker.diarisation.listeners import Listener
from worker.engines import chain
from worker.engines.protocols import Samples, Sound
from worker.expectation import transcriber
from worker.given_transcript import spoken_only, timed
from worker.given_translation import excerpted
from worker.media.audio import read_mono, resampled_mono
from worker.media.voice_activity import RATE, voiced_spans
from worker.progress import Step
from worker.spans import Span, union
from worker.stages.extract import Extracted
from worker.stages.recognition import Recognition, document_of
from worker.stages.speakers import Ear, Names, told_apart
from worker.work import Work

VERSION = 3
VOICES_SHARE = 0.1  # of the time that finding the voices and recognising them takes


@dataclass(frozen=True)
class Heard:
    """The transcript, who wrote it, and what is doubtful about it.

    `voiced` are all spans with a voice (seconds), `speech` those of them that the transcript has words for. `pitches`
    has the median pitch (Hz) of the speakers' voices, `diarisation` who told them apart (None: the transcript does).
    """

    transcript: Transcript
    speech: list[Span]
    voiced: list[Span]
    engine: str
    warnings: tuple[str, ...]
    pitches: Mapping[str, float] = field(default_factory=dict)
    diarisation: str | None = None


def transcribe(work: Work, sound: Extracted) -> Heard:
    """Find who says what. Raises PermanentError `transcript_does_not_match`, `source_language_unknown`, …"""
    given = work.request.transcript
    with work.progress.stage("transcribe") as step, closing(Listener()) as listener:
        voiced = _voiced(work, sound, step)
        if given is None:
            written = _recognised(work, sound, voiced, step, listener.start)
        else:
            written = _given(work, sound, voiced, given)
        ear = Ear(lambda start, end: _read(work, sound, start, end), listener.voiceprints)
        told = told_apart(
            work, sound.sound.fingerprint, written.transcript, ear,
            voiced.spans, names=written.names, given=given is not None,
        )  # fmt: skip
        step.ran(written.engine, whole=written.made and voiced.made and told.made)
    transcript, warnings = told.transcript, (*written.warnings, *told.warnings)
    if not transcript.segments:
        warnings = (*warnings, "no_speech_found")
    speech = _speech(voiced.spans, transcript)
    return Heard(transcript, speech, voiced.spans, written.engine, warnings, told.pitches, told.engine)


class _Voiced(NamedTuple):
    spans: list[Span]
    made: bool


class _Written(NamedTuple):
    transcript: Transcript
    engine: str
    made: bool
    warnings: tuple[str, ...] = ()
    names: Names = "none"


def _voiced(work: Work, sound: Extracted, step: Step) -> _Voiced:
    recipe = Recipe("transcribe.voice_activity", VERSION, (sound.sound.fingerprint,))
    share = 1.0 if work.request.transcript is not None else VOICES_SHARE

    def listened() -> Iterator[Samples]:
        done = 0
        for block in resampled_mono(_path(work, sound), RATE):
            done += len(block)
            step.at(share * done / RATE / sound.seconds)
            yield block

    found = work.checkpoints.make_document(
        recipe, lambda: [[span.start, span.end] for span in voiced_spans(listened())]
    )
    return _Voiced([Span(start, end) for start, end in found.content], found.made)


def _given(work: Work, sound: Extracted, voiced: _Voiced, given: GivenTranscript) -> _Written:
    """The transcript that came with the job: its times snapped to the sound, or found by forced alignment."""
    language, given = _source_language(work), excerpted(given, sound.source.excerpt)
    if all(text.timed for text in work.request.translations.values()):  # others name its lines by their number
        given = spoken_only(given)
    aligner = None if given.timed else chain.forced_alignment(work.settings)
    engine = transcriber(work.settings, work.request)
    options = {"given": given.to_dict(), "language": language}
    recipe = Recipe("transcribe.given", VERSION, (sound.sound.fingerprint,), options, engine)
    document = work.checkpoints.make_document(
        recipe,
        lambda: timed(
            given,
            language,
            voiced.spans,
            read=lambda start, end: _read(work, sound, start, end),
            aligner=aligner,
            duration=sound.seconds,
        ).to_dict(),
    )
    names: Names = "final" if given.names_speakers else "none"
    return _Written(Transcript.from_dict(document.content), engine, document.made, names=names)


def _recognised(work: Work, sound: Extracted, voiced: _Voiced, step: Step, all_given: Callable[[], None]) -> _Written:
    """What the recogniser hears, as one document: another round reads neither the sound nor the pieces again.

    `all_given` is called when the last piece is with the recogniser.
    """
    recogniser, anew = chain.speech_recognition(work.settings), False
    options = {"language": work.request.source_language, "doubtful_below": recogniser.doubtful_below}
    recipe = Recipe("transcribe.recognised", VERSION, (sound.sound.fingerprint,), options, recogniser.label)

    def read(start: float, end: float) -> Sound:
        return _read(work, sound, start, end)

    def told(seconds: float) -> None:
        step.at(VOICES_SHARE + (1 - VOICES_SHARE) * seconds / sound.seconds)

    def build() -> dict[str, Any]:
        nonlocal anew
        recognition = Recognition(work, recogniser, sound.sound.fingerprint, read)
        heard = recognition.run(voiced.spans, told, all_given)
        anew = not recognition.found
        doubtful = recogniser.doubts(heard)
        return document_of(heard, recognition.bounds, voiced.spans, work.request.source_language, doubtful=doubtful)

    document = work.checkpoints.make_document(recipe, build)
    warnings = ("recognition_doubtful",) if document.content["doubtful"] else ()
    transcript, diarised = Transcript.from_dict(document.content["transcript"]), document.content["diarised"]
    engine = document.content["engine"] or recogniser.label
    return _Written(transcript, engine, anew, warnings, "by_piece" if diarised else "none")


def _speech(voiced: list[Span], transcript: Transcript) -> list[Span]:
    """The source's speech: the segments, and the voiced spans that they touch. A voice that nobody wrote down is song
    or laughter, and stays."""
    lines = union(Span(segment.start, segment.end) for segment in transcript.segments)
    touched = [span for span in voiced if any(line.start < span.end and span.start < line.end for line in lines)]
    return union([*lines, *touched])


def _source_language(work: Work) -> str:
    if work.request.source_language is None:
        raise PermanentError("source_language_required", "Name the source language of the transcript.")
    return work.request.source_language


def _path(work: Work, sound: Extracted) -> Path:
    return work.checkpoints.path(sound.sound)


def _read(work: Work, sound: Extracted, start: float, end: float) -> Sound:
    """That stretch of the file, mono at 16 kHz."""
    return Sound(read_mono(_path(work, sound), start, min(end, sound.seconds), RATE), RATE)
