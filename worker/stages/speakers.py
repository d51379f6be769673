"""Who speaks which words, and how high each speaker's voice is. Part of `transcribe`."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from shared.dubbing.transcript import Segment, Transcript, Word, numbered
from worker.artifacts import Recipe
from worker.diarisation.clustering import Grouping, grouped
from worker.diarisation.turns import span_of, turns
from worker.diarisation.voiceprint import Voiceprint
from worker.engines.protocols import Sound
from worker.onsets import on_voices
from worker.segmentation import segmented
from worker.spans import Span
from worker.work import Work

VERSION = 2
ENGINE = "voiceprints/2"
JUDGED = 20  # of a speaker's longest lines
RECOGNISERS_ERROR = 0.3  # seconds that a recogniser's times may be off

# What the transcript's speakers are: those there are, one recognised piece's each, or nobody's.
Names = Literal["final", "by_piece", "none"]


@dataclass(frozen=True)
class Ear:
    """How a stretch of the file is read, by its start and end in seconds, and how sounds become voiceprints."""

    read: Callable[[float, float], Sound]
    voiceprints: Callable[[Iterable[Sound]], Sequence[Voiceprint]]

    def heard(self, runs: Iterable[Sequence[Word | Segment]]) -> Sequence[Voiceprint]:
        """The voiceprint of each run. Raises TransientError `engine_crashed`."""
        return self.voiceprints(self.read(*span_of(run)) for run in runs)


@dataclass(frozen=True)
class Told:
    """The transcript with its speakers, the median pitch (Hz) of those who have one, and who told them apart."""

    transcript: Transcript
    pitches: Mapping[str, float]
    engine: str | None
    made: bool
    warnings: tuple[str, ...]


def told_apart(
    work: Work, sound: str, written: Transcript, ear: Ear, voiced: Sequence[Span], *, names: Names, given: bool
) -> Told:
    """The speakers of `written`: those it names, else told by their voices.

    `sound` is the fingerprint of what `ear` reads. The lines of a transcript that was `given` stay as they are; words
    that were recognised become segments anew, never across speakers, that begin and end with the voices of `voiced`.
    Raises TransientError `engine_crashed`.
    """
    if not written.segments:
        return Told(written, {}, None, made=False, warnings=())
    count = None if names == "final" else work.request.speakers
    options = {"transcript": written.to_dict(), "names": names, "given": given, "speakers": count}
    recipe = Recipe("transcribe.speakers", VERSION, (sound,), options, ENGINE)
    document = work.checkpoints.make_document(recipe, lambda: _document(written, ear, names, count, given=given))
    content = document.content
    warnings = () if content["certain"] else ("speakers_uncertain",)
    transcript = Transcript.from_dict(content["transcript"])
    if not given:
        transcript = _on_voices(transcript, voiced)
    return Told(transcript, content["pitches"], ENGINE if content["diarised"] else None, document.made, warnings)


def _document(written: Transcript, ear: Ear, names: Names, count: int | None, *, given: bool) -> dict[str, Any]:
    if names == "final" or len(written.segments) == 1 or count == 1:
        kept = written if names == "final" else _renamed(written, dict.fromkeys(written.speakers, "S1"))
        prints = _by_speaker(kept, ear)
        return _result(kept, zip(prints, map(_combined, prints.values()), strict=True))
    return _linked(written, ear, count) if names == "by_piece" else _diarised(written, ear, count, given=given)


def _linked(written: Transcript, ear: Ear, count: int | None) -> dict[str, Any]:
    """The recogniser told speakers apart within each piece; their voices say who is who across pieces, and among more
    names than people speak."""
    prints = [_combined(own) for own in _by_speaker(written, ear).values()]
    pieces = {name.partition(":")[0] for name in written.speakers}
    by_voice = len(pieces) > 1 or len(prints) > (count or len(prints))
    apart = Grouping(tuple(range(len(prints))), certain=True)
    grouping = grouped(prints, count) if by_voice else apart
    names = {old: _name(label) for old, label in zip(written.speakers, grouping.labels, strict=True)}
    return _result(_renamed(written, names), zip(names.values(), prints, strict=True), grouping, by_voice)


def _diarised(written: Transcript, ear: Ear, count: int | None, *, given: bool) -> dict[str, Any]:
    words = sorted((word for line in written.segments for word in line.words), key=lambda word: word.start)
    said: Sequence[Sequence[Word | Segment]] = [[line] for line in written.segments] if given else turns(words)
    prints = ear.heard(said)
    grouping = grouped(prints, count)
    names = [_name(label) for label in grouping.labels]
    if given:
        segments = tuple(replace(line, speaker=name) for line, name in zip(written.segments, names, strict=True))
    else:
        speakers = [name for run, name in zip(said, names, strict=True) for _ in run]
        segments = segmented(words, written.language, speakers)
    return _result(Transcript(written.language, segments), zip(names, prints, strict=True), grouping, True)


def _on_voices(transcript: Transcript, voiced: Sequence[Span]) -> Transcript:
    spans = on_voices([Span(line.start, line.end) for line in transcript.segments], voiced, RECOGNISERS_ERROR)
    lines = zip(transcript.segments, spans, strict=True)
    return replace(transcript, segments=numbered(replace(line, start=s.start, end=s.end) for line, s in lines))


def _result(
    transcript: Transcript,
    heard: Iterable[tuple[str, Voiceprint]],
    grouping: Grouping | None = None,
    diarised: bool = False,
) -> dict[str, Any]:
    prints: dict[str, list[Voiceprint]] = defaultdict(list)
    for speaker, one in heard:
        prints[speaker].append(one)
    pitches = {speaker: pitch for speaker, own in prints.items() if (pitch := _combined(own).pitch)}
    certain = grouping is None or grouping.certain
    return {"transcript": transcript.to_dict(), "certain": certain, "pitches": pitches, "diarised": diarised}


def _by_speaker(written: Transcript, ear: Ear) -> dict[str, list[Voiceprint]]:
    """The voiceprints of each speaker's longest lines."""
    lines: dict[str, list[Segment]] = {speaker: [] for speaker in written.speakers}
    for line in sorted(written.segments, key=lambda line: line.start - line.end):
        lines[line.speaker].append(line)
    chosen = [(speaker, line) for speaker, own in lines.items() for line in own[:JUDGED]]
    prints: dict[str, list[Voiceprint]] = {speaker: [] for speaker in lines}
    heard = ear.heard([line] for _, line in chosen)
    for (speaker, _), one in zip(chosen, heard, strict=True):
        prints[speaker].append(one)
    return prints


def _combined(prints: Sequence[Voiceprint]) -> Voiceprint:
    """One speaker's voiceprint, each weighted by its frames."""
    frames = np.array([one.frames for one in prints], float)
    cepstra = np.array([one.cepstrum for one in prints])
    mean = (frames @ cepstra) / max(frames.sum(), 1.0)
    return Voiceprint(tuple(mean.round(4).tolist()), _median_pitch(prints), int(frames.sum()))


def _median_pitch(prints: Sequence[Voiceprint]) -> float | None:
    pitched = sorted((one.pitch, one.frames) for one in prints if one.pitch)
    reached = np.cumsum([frames for _, frames in pitched])
    return pitched[int(np.searchsorted(reached, reached[-1] / 2))][0] if pitched else None


def _renamed(written: Transcript, names: Mapping[str, str]) -> Transcript:
    return replace(written, segments=tuple(replace(line, speaker=names[line.speaker]) for line in written.segments))


def _name(number: int) -> str:
    return f"S{number + 1}"
