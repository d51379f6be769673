"""extract: the sound as 48 kHz PCM on the video's presentation clock, and what the file is made of."""

from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from shared.errors import AppError, PermanentError
from shared.videos.facts import MediaFacts
from shared.videos.probe import probe
from worker.artifacts import Artifact, Facts, Recipe
from worker.media import ffmpeg
from worker.work import Work

VERSION = 1
_FACTS = TypeAdapter(MediaFacts)


@dataclass(frozen=True)
class Extracted:
    """The original, its sound (a FLAC of `samples` frames at 48 kHz) and its streams."""

    original: Artifact
    sound: Artifact
    media: MediaFacts
    samples: int
    channels: int

    @property
    def seconds(self) -> float:
        """The sound's length, which is the file's."""
        return self.samples / ffmpeg.RATE


def extract(work: Work, original: Artifact) -> Extracted:
    """Decode the sound that is dubbed. Raises PermanentError `no_audio`, `duration_mismatch`, `truncated`, …"""
    work.progress.begin("extract")
    recipe = Recipe("extract", VERSION, (original.fingerprint,), suffix=".flac")
    sound = work.checkpoints.make(recipe, lambda out: _decode(work, work.checkpoints.path(original), out))
    facts = sound.facts
    return Extracted(original, sound, _FACTS.validate_python(facts["media"]), facts["samples"], facts["channels"])


def _decode(work: Work, original: Path, out: Path) -> Facts:
    media = _probe(original)
    if media.audio is None:
        raise PermanentError("no_audio", "The file has no sound to dub.")
    decoded = ffmpeg.decode_sound(
        original, out, stream_index=media.audio.index, duration_seconds=work.original.duration_seconds
    )
    return {"media": asdict(media), "samples": decoded.samples, "channels": decoded.channels}


def _probe(original: Path) -> MediaFacts:
    with original.open("rb") as file:

        def read(start: int, length: int) -> bytes:
            file.seek(start)
            return file.read(length)

        try:
            return probe(read, original.stat().st_size, thumbnail=False).facts
        except AppError as error:
            raise PermanentError(error.code, error.message) from error
