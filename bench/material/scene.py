"""The sound of a dub being assembled: the lines' clips, the bed, and what each part of the work is fed with."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.material.lines import Tier, lines_of, write_bed, write_clips
from worker.media import room_tone, voice_track
from worker.media.audio import BLOCK_FRAMES, blocks
from worker.media.mix import RATE, Room, duck_spans, ducking_gain, mix_blocks, room_gain
from worker.media.stretch import StretchJob, stretch_all
from worker.spans import Span
from worker.threads import ahead
from worker.timeline import Limits, Line, Plan, plan

# The loudest that a dub's dialogue may be: the limiter's worst case. The track has the room that the job's has.
TARGET_LUFS, TRACK_LUFS = -16.0, -23.0

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

    def stretched(self, planned: Plan) -> Iterator[Samples]:
        """Each line at its planned speed and at the track's loudness, at 48 kHz."""
        jobs = (StretchJob(p.id, self.clips[p.id], p.speed, TRACK_LUFS) for p in planned.placements)
        return (samples for _, samples in stretch_all(jobs, len(os.sched_getaffinity(0))))

    def voice(self, planned: Plan, stretched: Iterable[Samples]) -> Iterator[Samples]:
        """The lines as one track, in blocks."""
        starts = (placement.start for placement in planned.placements)
        return voice_track.laid(zip(starts, stretched, strict=True), self.samples)

    def mixed(self, planned: Plan, voice: Iterable[Samples]) -> Iterator[Samples]:
        """The voice over the ducked bed, which is read ahead, and its room's tone."""
        source = [Span(line.start, line.end) for line in self.lines]
        dub = [Span(placement.start, placement.end) for placement in planned.placements]
        envelope = ducking_gain(duck_spans(source, dub, self.limits.duration))
        level, bed = TARGET_LUFS - TRACK_LUFS, self.path("bed.flac")
        tone = room_tone.loop(room_tone.missing(room_tone.floor(bed), None, room_tone.LOUDEST_AROUND_DBFS))
        room = Room(tone, room_gain(dub))
        return mix_blocks(ahead(blocks(bed)), voice, envelope, voice_gain_db=level, background="duck", room=room)

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
    """The clips and the bed."""
    lines, limits = lines_of(tier, seed, minutes)
    scene = Scene(folder, lines, limits, write_clips(folder, lines, seed))
    write_bed(scene.path("bed.flac"), limits.duration)
    return scene


def feed(scene: Scene) -> None:
    """Make what each part is fed with when it runs alone."""
    planned = scene.planned()
    np.save(scene.path("counts.npy"), _write_raw(scene.path("lines.f32"), scene.stretched(planned)))
    voice_track.write(
        scene.path("voice.flac"),
        zip((p.start for p in planned.placements), scene.read_stretched(), strict=True),
        scene.samples,
    )
    _write_raw(scene.path("mixed.f32"), scene.mixed(planned, blocks(scene.path("voice.flac"))))


def _write_raw(path: Path, sound: Iterable[Samples]) -> list[int]:
    """Write the blocks as they are; how many frames each has."""
    counts = []
    with path.open("wb") as file:
        for block in sound:
            block.tofile(file)
            counts.append(len(block))
    return counts
