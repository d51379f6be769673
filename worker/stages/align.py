"""align: plan the timeline, stretch what has to be, and lay it down as one voice track as long as the source."""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from worker.artifacts import Artifact, Facts, Recipe
from worker.engines.protocols import Samples
from worker.media import voice_track
from worker.media.stretch import StretchJob, stretch_all
from worker.stages.extract import Extracted
from worker.stages.synthesize import Spoken
from worker.stages.transcribe import Heard
from worker.timeline import Limits, Line, Plan, plan
from worker.work import Work

VERSION = 1
_PLAN = TypeAdapter(Plan)


@dataclass(frozen=True)
class Placed:
    """Where each line lies, and the track (mono 48 kHz FLAC, as long as the source) on which they lie."""

    plan: Plan
    track: Artifact


def align(work: Work, language: str, sound: Extracted, heard: Heard, spoken: Spoken) -> Placed:
    """Fit the spoken lines into the source's timing. Raises PermanentError `translation_too_long`."""
    work.progress.begin("align", language)
    lines = timeline_lines(heard, spoken)
    limits = Limits(duration=sound.seconds)
    audio = {line.id: line.audio for line in spoken.lines if line.audio}
    recipe = Recipe(
        "align",
        VERSION,
        tuple(artifact.fingerprint for artifact in audio.values()),
        {"lines": [asdict(line) for line in lines], "limits": asdict(limits), "samples": sound.samples},
        suffix=".flac",
    )

    def build(out: Path) -> Facts:
        planned = plan(lines, limits)
        voice_track.write(out, _laid(work, planned, audio), sound.samples)
        return {"plan": asdict(planned)}

    track = work.checkpoints.make(recipe, build)
    return Placed(_PLAN.validate_python(track.facts["plan"]), track)


def timeline_lines(heard: Heard, spoken: Spoken) -> list[Line]:
    """The lines as the planner takes them: the source's times and the speech's natural length."""
    seconds = {line.id: line.seconds for line in spoken.lines}
    return [
        Line(segment.id, segment.start, segment.end, segment.speaker, seconds[segment.id])
        for segment in heard.transcript.segments
    ]


def _laid(work: Work, planned: Plan, audio: dict[int, Artifact]) -> Iterator[tuple[float, Samples]]:
    """Each line's start and its sound at 48 kHz, in order."""
    starts = {placement.id: placement.start for placement in planned.placements}
    jobs = (StretchJob(p.id, work.checkpoints.path(audio[p.id]), p.speed) for p in planned.placements)
    for number, (line_id, samples) in enumerate(stretch_all(jobs, os.cpu_count() or 1), 1):
        work.progress.at(number / len(starts))
        yield starts[line_id], samples
