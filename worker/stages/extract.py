"""extract: the sound as 48 kHz PCM on the video's presentation clock, and what the file is made of."""

from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from shared.errors import PermanentError
from shared.videos.facts import MediaFacts
from worker.artifacts import Artifact, Facts, Recipe
from worker.media import ffmpeg
from worker.media.probed import facts_of, with_sound
from worker.progress import Step
from worker.stages.excerpt import Source, sound_options
from worker.stages.fetch import original_of
from worker.work import Work

VERSION = 1
_FACTS = TypeAdapter(MediaFacts)


@dataclass(frozen=True)
class Extracted:
    """The file that is dubbed, its sound (a FLAC of `samples` frames at 48 kHz) and its streams."""

    source: Source
    sound: Artifact
    media: MediaFacts
    samples: int
    channels: int

    @property
    def seconds(self) -> float:
        """The sound's length, which is the file's."""
        return self.samples / ffmpeg.RATE


def recipe_of(work: Work, file: Artifact) -> Recipe:
    """The sound of `file` that is dubbed."""
    return Recipe("extract", VERSION, (file.fingerprint,), sound_options(work.request), suffix=".flac")


def extract(work: Work, source: Source) -> Extracted:
    """Decode the sound that is dubbed. Raises PermanentError `no_audio`, `duration_mismatch`, `truncated`, …"""
    with work.progress.stage("extract") as step:
        sound = work.checkpoints.make(recipe_of(work, source.file), lambda out: _decode(work, source, out, step))
        step.ran(whole=sound.made)
    facts = sound.facts
    return Extracted(source, sound, _FACTS.validate_python(facts["media"]), facts["samples"], facts["channels"])


def _decode(work: Work, source: Source, out: Path, step: Step) -> Facts:
    path = work.checkpoints.path(source.file)
    # What was cut out leads with the sound that was asked for.
    track = work.request.audio_track if source.file == original_of(work) else None
    media = with_sound(facts_of(path), track, work.request.source_language if track is None else None)
    if media.audio is None:
        raise PermanentError("no_audio", "The file has no sound to dub.")
    decoded = ffmpeg.decode_sound(
        path, out, stream_index=media.audio.index, duration_seconds=source.seconds, told=step.at
    )
    return {"media": asdict(media), "samples": decoded.samples, "channels": decoded.channels}
