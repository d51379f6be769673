"""What one language is dubbed on: the source as it is, or slowed where its speech needs more room."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from worker.artifacts import Artifact
from worker.stages.extract import Extracted
from worker.stages.separate import Bed
from worker.stages.transcribe import Heard
from worker.stages.translate import Translation
from worker.timeline import Warp


@dataclass(frozen=True)
class Scene:
    """Sound, bed, transcript and translation on the dubbed file's clock, which `warp` maps the source's to.

    `originals` stand for the sounds of the original, by their index, where the clock is another; those in `lost` could
    not be slowed.
    """

    sound: Extracted
    bed: Bed
    heard: Heard
    translation: Translation
    warp: Warp
    originals: Mapping[int, Artifact] = field(default_factory=dict)
    lost: tuple[int, ...] = ()
