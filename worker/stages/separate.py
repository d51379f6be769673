"""separate: speech and background apart, where an engine can; else the original is the bed, ducked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from worker.artifacts import Artifact, Facts, Recipe
from worker.engines import chain
from worker.stages.extract import Extracted
from worker.work import Work

VERSION = 3
PART_VERSION = 1


@dataclass(frozen=True)
class Bed:
    """What lies under the dub. `ducked`: it still carries the original voices, so it is turned down under speech."""

    artifact: Artifact
    ducked: bool
    engine: str


def separate(work: Work, sound: Extracted) -> Bed:
    """The background of the sound."""
    with work.progress.stage("separate") as step:
        separator = chain.source_separation(work.settings)
        recipe = Recipe("separate", VERSION, (sound.sound.fingerprint,), engine=separator.label, suffix=".flac")

        def keep(name: str, make: Callable[[Path], None]) -> Path:
            part = Recipe("separate.part", PART_VERSION, (sound.sound.fingerprint,), {"part": name}, suffix=".kept")
            return work.checkpoints.path(work.checkpoints.make(part, make))

        def build(out: Path) -> Facts:
            made = separator.separate(work.checkpoints.path(sound.sound), work.scratch, keep)
            if made.background is None:
                out.touch()  # nothing, so that nobody asks again
            else:
                made.background.rename(out)
            return {"separated": made.background is not None, "engine": made.engine, "for_now": made.stands_in}

        background = work.checkpoints.make(recipe, build)
        step.ran(separator.label, whole=background.made)
    separated = background.facts["separated"]
    return Bed(background if separated else sound.sound, ducked=not separated, engine=background.facts["engine"])
