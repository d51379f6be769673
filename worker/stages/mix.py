"""mix: the dub over the background, encoded while it is mixed, and judged on what a player will decode."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from worker.artifacts import Artifact, Facts, Recipe
from worker.engines.protocols import Samples
from worker.media import audio, ffmpeg, loudness
from worker.media.limiter import CEILING_DB, limit
from worker.media.mix import Background, Envelope, depth_db, duck_spans, ducking_gain, mix_blocks
from worker.progress import Step
from worker.spans import Span
from worker.stages.align import Placed
from worker.stages.extract import Extracted
from worker.stages.separate import Bed
from worker.stages.transcribe import Heard
from worker.work import Work

VERSION = 2
HIGHEST_TRUE_PEAK_DBTP = -1.0
ENCODINGS = 4  # with a lower ceiling each time; after that the report says what AAC made of the peaks
CEILING_MARGIN_DB = 0.2
# Which part of the stage's time each of its passes takes; the rest is the meter's over what was encoded.
SOURCE_MEASURED, VOICE_MEASURED, ENCODED = Span(0.0, 0.15), Span(0.15, 0.3), Span(0.3, 0.85)


@dataclass(frozen=True)
class Mixed:
    """The dub's sound (AAC in m4a, 48 kHz stereo) and its levels."""

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

    @property
    def dub_dialogue_lufs(self) -> float | None:
        """The dub's dialogue without its background."""
        return None if self.voice_lufs is None else self.voice_lufs + self.voice_gain_db


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
    dub = [Span(placement.start, placement.end) for placement in placed.plan.placements]
    recipe = Recipe(
        "mix",
        VERSION,
        (bed.artifact.fingerprint, placed.track.fingerprint, sound.sound.fingerprint),
        {"background": background, "speech": [[span.start, span.end] for span in heard.speech]},
        suffix=".m4a",
    )

    def build(out: Path) -> Facts:
        levels = _levels(work, sound, heard, placed, background, step)
        spans = duck_spans(heard.speech, dub, sound.seconds)
        desk = _Desk(work.checkpoints.path(bed.artifact), work.checkpoints.path(placed.track), sound, levels, step)
        measured = desk.encode(out, ducking_gain(spans, levels.ducking_db))
        return {
            **asdict(levels),
            "dub_dialogue_lufs": levels.dub_dialogue_lufs,
            **asdict(measured),
            "size_bytes": out.stat().st_size,
        }

    return recipe, build


def _background(work: Work, bed: Bed, placed: Placed) -> Background:
    """`keep` needs a bed without voices; where nothing is dubbed there is nothing to duck for, and nothing to drop."""
    if not placed.plan.placements:
        return "keep"
    wished = work.request.background
    if wished == "drop":
        return "drop"
    return "keep" if wished == "keep" and not bed.ducked else "duck"


def _levels(work: Work, sound: Extracted, heard: Heard, placed: Placed, background: Background, step: Step) -> Levels:
    source = _told(audio.blocks(work.checkpoints.path(sound.sound)), sound, step, SOURCE_MEASURED)
    spoken = loudness.speech_only(source, heard.speech, ffmpeg.RATE)
    source_lufs = ffmpeg.loudness(spoken, ffmpeg.RATE, peaks=False).integrated_lufs
    voice = _told(audio.blocks(work.checkpoints.path(placed.track)), sound, step, VOICE_MEASURED)
    voice_lufs = ffmpeg.loudness(voice, ffmpeg.RATE, peaks=False).integrated_lufs
    target = loudness.target_lufs(source_lufs)
    return Levels(
        source_dialogue_lufs=source_lufs,
        voice_lufs=voice_lufs,
        target_lufs=target,
        voice_gain_db=loudness.gain_db(voice_lufs, target),
        ducking_db=depth_db(source_lufs, target),
        background=background,
    )


@dataclass(frozen=True)
class _Desk:
    """The mixing desk: its inputs and how it is set."""

    bed: Path
    voice: Path
    sound: Extracted
    levels: Levels
    step: Step

    def encode(self, out: Path, envelope: Envelope) -> ffmpeg.Loudness:
        """Mix into `out`; again with a lower ceiling while the decoded peaks are too high."""
        ceiling = CEILING_DB
        for _ in range(ENCODINGS):
            with ffmpeg.AacWriter(out) as writer:
                for block in limit(self._blocks(envelope), ceiling):
                    writer.write(block)
            measured = ffmpeg.file_loudness(out)
            over = (measured.true_peak_dbtp or HIGHEST_TRUE_PEAK_DBTP) - HIGHEST_TRUE_PEAK_DBTP
            if over <= 0:
                break
            ceiling -= over + CEILING_MARGIN_DB
        return measured

    def _blocks(self, envelope: Envelope) -> Iterator[Samples]:
        mixed = mix_blocks(
            audio.blocks(self.bed),
            audio.blocks(self.voice),
            envelope,
            voice_gain_db=self.levels.voice_gain_db,
            background=self.levels.background,
        )
        return _told(mixed, self.sound, self.step, ENCODED)


def _told(blocks: Iterable[Samples], sound: Extracted, step: Step, share: Span) -> Iterator[Samples]:
    """`blocks`, while the stage's progress goes from the start to the end of its `share`."""
    done = 0
    for block in blocks:
        done += len(block)
        step.at(share.start + share.seconds * min(1.0, done / sound.samples))
        yield block
