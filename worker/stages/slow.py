"""slow: where a translation needs more room and the picture may give way, a slower clock and all that runs on it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import soundfile

from shared import log
from shared.dubbing.transcript import Segment
from shared.errors import PermanentError
from shared.videos.facts import Stream
from worker.artifacts import Artifact, Facts, Recipe
from worker.media import audio, ffmpeg
from worker.media.slowed import slowed
from worker.progress import Step
from worker.spans import Span
from worker.stages.align import timeline_lines
from worker.stages.extract import Extracted
from worker.stages.scene import Scene
from worker.stages.separate import Bed
from worker.stages.synthesize import Spoken
from worker.stages.transcribe import Heard
from worker.stages.translate import Translation
from worker.timeline import Limits, Line, Warp, crowded, plan, warp
from worker.work import Work

VERSION = 1

logger = log.get(__name__)


def slow(
    work: Work, language: str, sound: Extracted, bed: Bed, heard: Heard, translation: Translation, spoken: Spoken
) -> Scene:
    """The scene as the source has it; with `fit: "video"`, slowed where the lines need it."""
    still = Scene(sound, bed, heard, translation, Warp(sound.seconds))
    if work.request.fit != "video" or sound.media.video is None:
        return still
    clock = _clock(timeline_lines(translation, spoken), sound.seconds)
    if clock.is_identity:
        return still
    with work.progress.stage("slow", language) as step:
        scene = _Slowing(work, clock, step).scene(still)
        step.ran()
    return scene


def _clock(lines: Sequence[Line], seconds: float) -> Warp:
    """Slower only where the lines do not fit as the source is."""
    try:
        return warp(lines, seconds, crowded(plan(lines, Limits(duration=seconds))))
    except PermanentError:  # they do not fit at all
        return warp(lines, seconds)


class _Slowing:
    """One language's slower clock."""

    def __init__(self, work: Work, clock: Warp, step: Step) -> None:
        self._work, self._clock, self._step = work, clock, step
        self._options = {"slows": [asdict(slow) for slow in clock.slows], "seconds": clock.seconds}

    def scene(self, still: Scene) -> Scene:
        """All of `still` on the new clock."""
        sound = self._sound(still.sound.sound)
        bed = self._sound(still.bed.artifact)
        wanted = "video_per_language" in self._work.request.outputs
        originals, lost = self._originals(still.sound, sound) if wanted else ({}, ())
        return Scene(
            replace(still.sound, sound=sound, samples=sound.facts["samples"]),
            replace(still.bed, artifact=bed),
            self._heard(still.heard),
            replace(still.translation, lines=self._segments(still.translation.lines)),
            self._clock,
            originals,
            lost,
        )

    def _sound(self, artifact: Artifact) -> Artifact:
        return self._made("slow", artifact, ".flac", self._slowed)

    def _slowed(self, path: Path, out: Path) -> Facts:
        channels = soundfile.info(path).channels
        samples = audio.write_flac(out, slowed(path, self._clock), ffmpeg.RATE, channels)
        return {"samples": samples, "channels": channels}

    def _originals(self, sound: Extracted, slow: Artifact) -> tuple[dict[int, Artifact], tuple[int, ...]]:
        """Every sound of the original, slowed and encoded, and those that can't be; with nothing in them they may stay.

        Only the sound that is dubbed has to be whole.
        """
        file, dubbed = sound.source.file, sound.media.audio
        assert dubbed is not None
        others = [s for s in sound.media.streams if s.kind == "audio" and s.sample_rate and s.channels and s != dubbed]
        lost: list[int] = []
        made = {dubbed.index: self._made("slow.encoded", slow, ".m4a", _encoded)}
        for stream in others:
            try:
                other = self._made("slow.track", file, ".m4a", self._other(sound, stream), stream.index)
            except PermanentError as error:
                logger.warning("sound not slowed", stream=stream.index, code=error.code)
                if error.code != "no_audio":
                    lost.append(stream.index)
            else:
                made[stream.index] = other
        return made, tuple(lost)

    def _other(self, sound: Extracted, stream: Stream) -> Callable[[Path, Path], Facts]:
        def build(path: Path, out: Path) -> Facts:
            decoded, moved = out.with_suffix(".decoded.flac"), out.with_suffix(".slowed.flac")
            try:
                ffmpeg.decode_sound(path, decoded, stream_index=stream.index, duration_seconds=sound.source.seconds)
                self._slowed(decoded, moved)
                return _encoded(moved, out)
            finally:
                for part in (decoded, moved):
                    part.unlink(missing_ok=True)

        return build

    def _made(
        self, stage: str, of: Artifact, suffix: str, build: Callable[[Path, Path], Facts], index: int | None = None
    ) -> Artifact:
        checkpoints = self._work.checkpoints
        recipe = Recipe(stage, VERSION, (of.fingerprint,), {**self._options, "stream": index}, suffix=suffix)
        return checkpoints.make(recipe, lambda out: build(checkpoints.path(of), out))

    def _heard(self, heard: Heard) -> Heard:
        transcript = replace(heard.transcript, segments=self._segments(heard.transcript.segments))
        return replace(heard, transcript=transcript, speech=self._spans(heard.speech), voiced=self._spans(heard.voiced))

    def _segments(self, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        starts, ends = self._clock.at(s.start for s in segments), self._clock.at(s.end for s in segments)
        return tuple(
            replace(segment, start=start, end=end, words=())
            for segment, start, end in zip(segments, starts, ends, strict=True)
        )

    def _spans(self, spans: list[Span]) -> list[Span]:
        starts, ends = self._clock.at(span.start for span in spans), self._clock.at(span.end for span in spans)
        return [Span(start, end) for start, end in zip(starts, ends, strict=True)]


def _encoded(path: Path, out: Path) -> Facts:
    with ffmpeg.AacWriter(out, channels=soundfile.info(path).channels) as writer:
        for block in audio.blocks(path):
            writer.write(block)
    return {}
