"""What a probe found in a media file: plain values, no media library."""

from dataclasses import dataclass
from typing import Literal

StreamKind = Literal["video", "audio", "subtitle", "data", "attachment"]


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream as the container declares it. `index` is its number in the file; times are seconds."""

    index: int
    kind: StreamKind
    codec: str
    language: str | None = None
    default: bool = False
    attached_picture: bool = False
    start_seconds: float | None = None
    duration_seconds: float | None = None
    channels: int | None = None
    sample_rate: int | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """A container and its streams. `duration_seconds` is the presentation's length, `chosen` the sound to dub."""

    format: str
    duration_seconds: float
    streams: tuple[Stream, ...]
    chosen: int | None = None

    @property
    def video(self) -> Stream | None:
        """The picture: the first video stream that is not a cover."""
        return next((s for s in self.streams if s.kind == "video" and not s.attached_picture), None)

    @property
    def audio(self) -> Stream | None:
        """The sound that is dubbed: the one that was chosen, else the default audio stream, else the first."""
        sounds = [s for s in self.streams if s.kind == "audio"]
        if self.chosen is not None:
            return next(s for s in sounds if s.index == self.chosen)
        return next((s for s in sounds if s.default), sounds[0] if sounds else None)
