"""mix: the dub over the background, encoded while it is mixed, and judged on what a player will decode."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import tee
from pathlib import Path

import numpy as np

from worker.artifacts import Artifact, Facts, Recipe
from worker.engines.protocols import Samples
from worker.media import audio, ffmpeg, loudness, meter, room_tone
from worker.media.limiter import CEILING_DB, limit
from worker.media.mix import (
    Background,
    Envelope,
    Room,
    depth_db,
    duck_spans,
    ducking_gain,
    mix_blocks,
    restored,
    room_gain,
)
from worker.progress import Step
from worker.spans import Span, outside
from worker.stages.align import Placed
from worker.stages.dialogue import source_powers
from worker.stages.extract import Extracted
from worker.stages.separate import Bed
from worker.stages.transcribe import Heard
from worker.threads import ahead
from worker.work import Work

VERSION = 9
HIGHEST_TRUE_PEAK_DBTP = -1.0
ENCODINGS = 4  # with a lower ceiling each time; after that the report says what AAC made of the peaks
CEILING_MARGIN_DB = 0.2
# How much of the stage's time the encoding takes; the rest is the meter's over what was encoded.
ENCODED = 0.75


@dataclass(frozen=True)
class Mixed:
    """The dub's sound (AAC in m4a, 48 kHz, with as many channels as the source's) and its levels."""

    sound: Artifact
    levels: Facts


@dataclass(frozen=True)
class Levels:
    """How the desk is set. Loudness in LUFS (None: nothing to measure), gains in dB."""

    source_dialogue_lufs: float | None
    voice_lufs: float | None
    target_lufs: float
    voice_gain_db: float
    ducking_db: float
    background: Background


def over_peak(true_peak_dbtp: float | None) -> float:
    """By how much (dB) a true peak is above what a dub's may be; 0 where it is not, or there is none."""
    return 0.0 if true_peak_dbtp is None else max(0.0, true_peak_dbtp - HIGHEST_TRUE_PEAK_DBTP)


def mix(work: Work, language: str, sound: Extracted, bed: Bed, heard: Heard, placed: Placed) -> Mixed:
    """Mix the voice track over the bed, the voice as loud as the source's dialogue."""
    with work.progress.stage("mix", language) as step:
        made = work.checkpoints.make(*_mixing(work, sound, bed, heard, placed, step))
        step.ran(whole=made.made)
    return Mixed(made, made.facts)


def _mixing(
    work: Work, sound: Extracted, bed: Bed, heard: Heard, placed: Placed, step: Step
) -> tuple[Recipe, Callable[[Path], Facts]]:
    """The mix's recipe, and how it is made."""
    background = _background(work, bed, placed)
    kept = [] if bed.ducked else outside(heard.voiced, heard.speech)
    recipe = Recipe(
        "mix",
        VERSION,
        (bed.artifact.fingerprint, placed.track.fingerprint, sound.sound.fingerprint),
        {"background": background, "speech": _plain(heard.speech), "kept": _plain(kept)},
        suffix=".m4a",
    )

    def build(out: Path) -> Facts:
        levels = _levels(source_powers(work, sound), heard, placed, background)
        desk = _Desk(work, sound, bed, placed, levels, step)
        envelope = ducking_gain(duck_spans(heard.speech, _lines(placed), sound.seconds), levels.ducking_db)
        return {**asdict(levels), **desk.encode(out, envelope, kept), "size_bytes": out.stat().st_size}

    return recipe, build


def _background(work: Work, bed: Bed, placed: Placed) -> Background:
    """`keep` needs a bed without voices; where nothing is dubbed there is nothing to duck for, and nothing to drop."""
    if not placed.plan.placements:
        return "keep"
    wished = work.request.background
    if wished == "drop":
        return "drop"
    return "keep" if wished == "keep" and not bed.ducked else "duck"


def _levels(powers: meter.Powers, heard: Heard, placed: Placed, background: Background) -> Levels:
    source_lufs = meter.lufs(powers, heard.speech)
    target = loudness.target_lufs(source_lufs)
    return Levels(
        source_dialogue_lufs=source_lufs,
        voice_lufs=placed.lufs,
        target_lufs=target,
        voice_gain_db=loudness.gain_db(placed.lufs, target),
        ducking_db=depth_db(source_lufs, target),
        background=background,
    )


@dataclass(frozen=True)
class _Desk:
    """The mixing desk: its inputs and how it is set."""

    work: Work
    sound: Extracted
    bed: Bed
    placed: Placed
    levels: Levels
    step: Step

    def encode(self, out: Path, envelope: Envelope, kept: list[Span]) -> Facts:
        """Mix into `out`; again with a lower ceiling while the decoded peaks are too high. What was measured of it."""
        ceiling, (tone, fill) = CEILING_DB, self._tones()
        for _ in range(ENCODINGS):
            dialogue = meter.Meter()
            with ffmpeg.AacWriter(out, channels=self.sound.channels) as writer:
                for block in limit(self._told(self._mixed(envelope, kept, tone, fill)), ceiling, riding=1):
                    writer.write(block[:, :-1])
                    dialogue.take(block[:, -1])
            measured = ffmpeg.file_loudness(out)
            if not (over := over_peak(measured.true_peak_dbtp)):
                break
            ceiling -= over + CEILING_MARGIN_DB
        return {**asdict(measured), "dub_dialogue_lufs": meter.lufs(dialogue.powers())}

    def _mixed(
        self, envelope: Envelope, kept: list[Span], tone: Samples | None, fill: Samples | None
    ) -> Iterator[Samples]:
        """The mix (n, channels + 1): its last channel is the voice alone, for its loudness to be measured."""
        voice, alone = tee(audio.blocks(self._path(self.placed.track)))
        mixed = mix_blocks(
            self._background(kept),
            voice,
            envelope,
            voice_gain_db=self.levels.voice_gain_db,
            background=self.levels.background,
            channels=self.sound.channels,
            room=None if fill is None else Room(fill, room_gain(_lines(self.placed))),
        )
        gain = np.float32(loudness.amplitude(self.levels.voice_gain_db))
        for block, spoken in zip(mixed if tone is None else room_tone.under(mixed, tone), alone, strict=True):
            yield np.concatenate([block, spoken * gain], axis=1)

    def _background(self, kept: list[Span]) -> Iterator[Samples]:
        """The bed; the original where nobody is dubbed, and where a voice that nobody wrote down sings or laughs."""
        original = audio.blocks(self._path(self.sound.sound))
        if self.bed.ducked or not self.placed.plan.placements:
            return ahead(original)
        bed = audio.blocks(self._path(self.bed.artifact))
        return ahead(restored(bed, original, kept, self.sound.channels) if kept else bed)

    def _tones(self) -> tuple[Samples | None, Samples | None]:
        if not self.placed.plan.placements:
            return None, None
        source = room_tone.floor(self._path(self.sound.sound))
        if self.levels.background == "drop":
            bed = np.zeros_like(source)
        else:
            bed = source if self.bed.ducked else room_tone.floor(self._path(self.bed.artifact))
        return tones(source, bed, self.levels.background)

    def _path(self, artifact: Artifact) -> Path:
        return self.work.checkpoints.path(artifact)

    def _told(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        """`blocks`, while the stage's progress goes on."""
        done = 0
        for block in blocks:
            done += len(block)
            self.step.at(ENCODED * min(1.0, done / self.sound.samples))
            yield block


def _lines(placed: Placed) -> list[Span]:
    """Where the dub's lines lie."""
    return [Span(placement.start, placement.end) for placement in placed.plan.placements]


def tones(source: room_tone.Room, bed: room_tone.Room, background: Background) -> tuple[Samples | None, Samples | None]:
    """The room's own sound, from the floors of the source and of the bed: what of it is nowhere in the bed, and what
    goes down with the bed where that is ducked. None: nothing."""
    lost = _endless(room_tone.missing(source, bed), 1)
    if background != "duck":
        return lost, None
    return lost, _endless(room_tone.missing(bed, None, room_tone.LOUDEST_AROUND_DBFS), 2)


def _endless(room: room_tone.Room, seed: int) -> Samples | None:
    """Of a phase of its own for each `seed`: two of the same would add up to more than the room."""
    return room_tone.loop(room, seed) if room.any() else None


def _plain(spans: Iterable[Span]) -> list[list[float]]:
    return [[span.start, span.end] for span in spans]
