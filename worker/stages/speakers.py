"""Who speaks which words, and how high each speaker's voice is. Part of `transcribe`."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shared.dubbing.transcript import Segment, Transcript, Word
from worker.artifacts import Recipe
from worker.diarisation.clustering import grouped
from worker.diarisation.listeners import voiceprints
from worker.diarisation.turns import span_of, turns
from worker.diarisation.voiceprint import Voiceprint
from worker.engines.protocols import Sound
from worker.segmentation import segmented
from worker.work import Work

VERSION = 1
ENGINE = "voiceprints/1"
JUDGED = 20  # of a speaker's longest lines, where only the voice's pitch is asked

Read = Callable[[float, float], Sound]


@dataclass(frozen=True)
class Told:
    """The transcript with its speakers, the median pitch (Hz) of those who have one, and who told them apart."""

    transcript: Transcript
    pitches: Mapping[str, float]
    engine: str | None
    made: bool
    warnings: tuple[str, ...]


def told_apart(work: Work, sound: str, written: Transcript, read: Read, *, named: bool, given: bool) -> Told:
    """The speakers of `written`: those it names, else told by their voices.

    `sound` is the fingerprint of what `read` reads. The lines of a transcript that was `given` stay as they are; words
    that were recognised become segments anew, never across speakers.
    """
    if not written.segments:
        return Told(written, {}, None, made=False, warnings=())
    count = None if named else work.request.speakers
    options = {"transcript": written.to_dict(), "named": named, "given": given, "speakers": count}
    recipe = Recipe("transcribe.speakers", VERSION, (sound,), options, ENGINE)

    def build() -> dict[str, Any]:
        if named or count == 1:
            return {"transcript": written.to_dict(), "certain": True, "pitches": _pitches(written, read)}
        return _diarised(written, read, count, given=given)

    document = work.checkpoints.make_document(recipe, build)
    transcript = Transcript.from_dict(document.content["transcript"])
    warnings = () if document.content["certain"] else ("speakers_uncertain",)
    return Told(transcript, document.content["pitches"], None if named else ENGINE, document.made, warnings)


def _diarised(written: Transcript, read: Read, count: int | None, *, given: bool) -> dict[str, Any]:
    said: Sequence[Sequence[Word | Segment]] = (
        [[line] for line in written.segments] if given else turns(_words(written))
    )
    prints = voiceprints(read(*span_of(run)) for run in said)
    grouping = grouped(prints, count)
    names = [f"S{label + 1}" for label in grouping.labels]
    if given:
        segments = tuple(replace(line, speaker=name) for line, name in zip(written.segments, names, strict=True))
    else:
        speakers = [name for run, name in zip(said, names, strict=True) for _ in run]
        segments = segmented(_words(written), written.language, speakers)
    transcript = Transcript(written.language, segments)
    return {
        "transcript": transcript.to_dict(),
        "certain": grouping.certain,
        "pitches": _medians(zip(names, prints, strict=True)),
    }


def _words(written: Transcript) -> list[Word]:
    return sorted((word for line in written.segments for word in line.words), key=lambda word: word.start)


def _pitches(written: Transcript, read: Read) -> dict[str, float]:
    """The pitch of each speaker that the transcript names, by their longest lines."""
    lines: dict[str, list[Segment]] = defaultdict(list)
    for line in sorted(written.segments, key=lambda line: line.start - line.end):
        lines[line.speaker].append(line)
    chosen = [(speaker, line) for speaker, own in lines.items() for line in own[:JUDGED]]
    prints = voiceprints(read(*span_of([line])) for _, line in chosen)
    return _medians(zip((speaker for speaker, _ in chosen), prints, strict=True))


def _medians(heard: Iterable[tuple[str, Voiceprint]]) -> dict[str, float]:
    pitches: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for speaker, one in heard:
        if one.pitch:
            pitches[speaker].append((one.pitch, one.frames))
    return {speaker: round(_weighted_median(found), 1) for speaker, found in pitches.items()}


def _weighted_median(found: Sequence[tuple[float, int]]) -> float:
    values, weights = np.array(sorted(found)).T
    return float(values[np.searchsorted(np.cumsum(weights), weights.sum() / 2)])
