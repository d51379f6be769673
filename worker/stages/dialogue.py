"""How loud the source is, tenth by tenth: made once for all languages, so that nobody else reads the sound for it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from worker.artifacts import Facts, Recipe
from worker.media import audio, loudness, meter
from worker.media.meter import Powers
from worker.spans import Span
from worker.stages.extract import Extracted
from worker.timeline import Line
from worker.work import Work

VERSION = 1
# The voice track's loudest speaker; there is room above for what lines have of peaks, and the mix turns it up.
TRACK_LUFS = -23.0


def source_powers(work: Work, sound: Extracted) -> Powers:
    """The weighted power of each tenth of a second of the source (media/meter.py)."""
    recipe = Recipe("loudness", VERSION, (sound.sound.fingerprint,), suffix=".npy")

    def build(out: Path) -> Facts:
        powers = meter.measured(audio.blocks(work.checkpoints.path(sound.sound)))
        with out.open("wb") as file:
            np.save(file, powers.astype(np.float32))
        return {}

    made = work.checkpoints.make(recipe, build)
    return np.asarray(np.load(work.checkpoints.path(made)), np.float64)


def speaker_targets(powers: Powers, lines: Iterable[Line]) -> dict[str, float]:
    """How loud (LUFS) each speaker is to be in the dub: as loud as in the source, clamped.

    Who can't be measured (too short, or not to be heard) is as loud as all together.
    """
    spans: dict[str, list[Span]] = {}
    for line in lines:
        spans.setdefault(line.speaker, []).append(Span(line.start, line.end))
    together = meter.lufs(powers, (span for own in spans.values() for span in own))
    measured = {speaker: meter.lufs(powers, own) for speaker, own in spans.items()}
    return {
        speaker: round(loudness.target_lufs(together if lufs is None else lufs), 1)
        for speaker, lufs in measured.items()
    }


def track_levels(targets: Mapping[str, float]) -> dict[str, float]:
    """The same on the voice track, whose loudest speaker is at −23 LUFS."""
    loudest = max(targets.values(), default=0.0)
    return {speaker: round(TRACK_LUFS + target - loudest, 1) for speaker, target in targets.items()}
