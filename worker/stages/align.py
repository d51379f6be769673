"""align: plan the timeline, stretch what has to be, and lay it down as one voice track as long as the source.

Each line is brought to its speaker's loudness in the source, so a quiet guest stays a quiet guest beside a loud host.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from worker.artifacts import Artifact, Facts, Recipe
from worker.engines.protocols import Samples
from worker.media import voice_track
from worker.media.stretch import StretchJob, stretch_all
from worker.progress import Step
from worker.stages.dialogue import source_powers, speaker_targets, track_levels
from worker.stages.extract import Extracted
from worker.stages.synthesize import Spoken
from worker.stages.translate import Translation
from worker.timeline import Limits, Line, Plan, plan
from worker.work import Work

VERSION = 3
_PLAN = TypeAdapter(Plan)


@dataclass(frozen=True)
class Placed:
    """Where each line lies, and the track (mono 48 kHz FLAC, as long as the source) on which they lie.

    `lufs` is the track's loudness; None where nothing is on it.
    """

    plan: Plan
    track: Artifact
    lufs: float | None


def align(work: Work, language: str, sound: Extracted, translation: Translation, spoken: Spoken) -> Placed:
    """Fit the spoken lines into the source's timing. Raises PermanentError `translation_too_long`."""
    with work.progress.stage("align", language) as step:
        track = work.checkpoints.make(*_placing(work, sound, translation, spoken, step))
        step.ran(whole=track.made)
    return Placed(_PLAN.validate_python(track.facts["plan"]), track, track.facts["lufs"])


def _placing(
    work: Work, sound: Extracted, translation: Translation, spoken: Spoken, step: Step
) -> tuple[Recipe, Callable[[Path], Facts]]:
    """The track's recipe, and how it is made."""
    lines = timeline_lines(translation, spoken)
    limits = Limits(duration=sound.seconds)
    audio = {line.id: line.audio for line in spoken.lines if line.audio}
    levels = track_levels(speaker_targets(source_powers(work, sound), lines)) if audio else {}
    lufs = {line.id: levels[line.speaker] for line in lines if line.id in audio}
    own_rates = {line.id: line.own_rate for line in spoken.lines}
    recipe = Recipe(
        "align",
        VERSION,
        tuple(artifact.fingerprint for artifact in audio.values()),
        {"lines": [asdict(line) for line in lines], "limits": asdict(limits), "samples": sound.samples, "lufs": levels},
        suffix=".flac",
    )

    def build(out: Path) -> Facts:
        planned = plan(lines, limits)
        laid = _laid(work, planned, audio, own_rates, lufs, step)
        loud = voice_track.write(out, laid, sound.samples)
        return {"plan": asdict(planned), "lufs": loud}

    return recipe, build


def timeline_lines(translation: Translation, spoken: Spoken) -> list[Line]:
    """The lines as the planner takes them: the times they are to have and the speech's natural length."""
    seconds = {line.id: line.seconds for line in spoken.lines}
    return [Line(line.id, line.start, line.end, line.speaker, seconds[line.id]) for line in translation.lines]


def _laid(
    work: Work,
    planned: Plan,
    audio: dict[int, Artifact],
    own_rates: dict[int, float],
    lufs: dict[int, float],
    step: Step,
) -> Iterator[tuple[float, Samples]]:
    """Each line's start and its sound at 48 kHz, in order. A plan's speeds count from the voice's default rate."""
    starts = {placement.id: placement.start for placement in planned.placements}
    jobs = (
        StretchJob(p.id, work.checkpoints.path(audio[p.id]), p.speed / own_rates[p.id], lufs[p.id])
        for p in planned.placements
    )
    for number, (line_id, samples) in enumerate(stretch_all(jobs, work.cores // work.lanes), 1):
        step.at(number / len(starts))
        yield starts[line_id], samples
