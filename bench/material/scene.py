"""The sound of a dub being assembled: the lines' clips, the bed, and what each part of the work is fed with."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.material.lines import Tier, lines_of, write_bed, write_clips
from worker.media import voice_track
from worker.media.audio import BLOCK_FRAMES, blocks
from worker.media.mix import RATE, duck_spans, ducking_gain, mix_blocks
from worker.media.stretch import StretchJob, stretch_all
from worker.spans import Span
from worker.timeline import Limits, Line, Plan, plan

# So loud that the limiter works in nearly every second: its worst case.
VOICE_GAIN_DB = 12.0

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """The lines of a file, and a folder with their clips and the bed; what a part makes goes there too."""

    folder: Path
    lines: list[Line]
    limits: Limits
    clips: list[Path]

    @property
    def samples(self) -> int:
        """The file's length at 48 kHz."""
        return round(self.limits.duration * RATE)

    def path(self, name: str) -> Path:
        """A file in the folder."""
        return self.folder / name

    def planned(self) -> Plan:
        """The timeline of all lines."""
        return plan(self.lines, self.limits)

    def stretched(self) -> Iterator[Samples]:
        """Each line at its planned speed, at 48 kHz."""
        jobs = (StretchJob(p.id, self.clips[p.id], p.speed) for p in self.planned().placements)
        return (samples for _, samples in stretch_all(jobs, os.cpu_count() or 1))

    def lay(self, name: str, stretched: Iterable[Samples]) -> None:
        """Write the lines as the voice track `name`."""
        placements = self.planned().placements
        placed = ((placement.start, line) for placement, line in zip(placements, stretched, strict=True))
        voice_track.write(self.path(name), placed, self.samples)

    def mixed(self) -> Iterator[Samples]:
        """The voice track over the ducked bed."""
        source = [Span(line.start, line.end) for line in self.lines]
        dub = [Span(placement.start, placement.end) for placement in self.planned().placements]
        envelope = ducking_gain(duck_spans(source, dub, self.limits.duration))
        sounds = (blocks(self.path("bed.flac")), blocks(self.path("voice.flac")))
        return mix_blocks(*sounds, envelope, voice_gain_db=VOICE_GAIN_DB, background="duck")

    def read_stretched(self) -> Iterator[Samples]:
        """The stretched lines, read from PCM one by one."""
        with self.path("lines.f32").open("rb") as file:
            for count in np.load(self.path("counts.npy")):
                yield np.fromfile(file, np.float32, int(count))

    def read_mixed(self) -> Iterator[Samples]:
        """The mix before its limiter, read from PCM block by block."""
        with self.path("mixed.f32").open("rb") as file:
            while len(block := np.fromfile(file, np.float32, 2 * BLOCK_FRAMES)):
                yield block.reshape(-1, 2)


def prepared(tier: Tier, minutes: float, seed: int, folder: Path) -> Scene:
    """The clips and the bed, and what each part is fed with."""
    lines, limits = lines_of(tier, seed, minutes)
    scene = Scene(folder, lines, limits, write_clips(folder, lines, seed))
    write_bed(scene.path("bed.flac"), limits.duration)
    np.save(scene.path("counts.npy"), _write_raw(scene.path("lines.f32"), scene.stretched()))
    scene.lay("voice.flac", scene.read_stretched())
    _write_raw(scene.path("mixed.f32"), scene.mixed())
    return scene


def _write_raw(path: Path, sound: Iterable[Samples]) -> list[int]:
    """Write the blocks as they are; how many frames each has."""
    counts = []
    with path.open("wb") as file:
        for block in sound:
            block.tofile(file)
            counts.append(len(block))
    return counts
