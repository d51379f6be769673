"""The tracks of a file that is made, and the options that make ffmpeg write them so. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import langcodes

TrackKind = Literal["video", "audio", "subtitle", "data", "attachment", "cover"]

# Puts sound on the presentation clock: gaps filled, overlaps dropped, nothing before zero.
ON_THE_CLOCK = "aresample=async=1:first_pts=0"
# No difference is seen; each picture keeps its own time, whatever the frame rate.
H264 = {"crf": 16, "preset": "veryfast", "enc_time_base:v": "1:90000", "fps_mode:v": "passthrough"}


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """A finished sound, which begins at 0 s of the presentation, with its BCP-47 language."""

    path: Path
    language: str | None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class SubtitleTrack:
    """A finished SRT file with its BCP-47 language."""

    path: Path
    language: str
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """A stream of the output. `source`: its index in the original, or a file of ours.

    `only_before`: packets that begin at this time (seconds) or later are left out.
    """

    kind: TrackKind
    source: int | SoundTrack | SubtitleTrack
    codec: str
    language: str | None = None
    title: str | None = None
    tag: str | None = None
    disposition: str | None = None
    only_before: float | None = None


@dataclass(frozen=True, slots=True)
class Retiming:
    """Another clock for the original's streams: seconds to add to a time of theirs.

    `spans` are (start, length, share): from `start` on, for `length` seconds, each second lasts `share` longer.
    """

    spans: tuple[tuple[float, float, float], ...]

    def added(self, ticks: str) -> str:
        """ffmpeg's expression of the seconds to add at the time `ticks`, an expression in units of TB."""
        steps = (f"{share:.9f}*clip({ticks}*TB-{start:.6f},0,{length:.6f})" for start, length, share in self.spans)
        return f"({'+'.join(steps)})"

    def packets(self) -> str:
        """The bitstream filter that moves packets, whose order stays as it is."""
        pts, dts, end = (self.added(ticks) for ticks in ("PTS", "DTS", "(PTS+DURATION)"))
        moved = f"pts=PTS+{pts}/TB:dts=DTS+{dts}/TB:duration=DURATION+({end}-{pts})/TB"
        return "setts=" + moved.replace(",", r"\,")

    def frames(self) -> str:
        """The filter that moves decoded pictures."""
        return "setpts=" + f"PTS+{self.added('PTS')}/TB".replace(",", r"\,")


def iso639_2(tag: str) -> str:
    """The ISO 639-2/T code of a BCP-47 tag (`es-MX` → `spa`); `und` where there is none."""
    try:
        return langcodes.get(tag).to_alpha3()
    except LookupError:
        return "und"


def options(tracks: Sequence[Track], *, retiming: Retiming | None = None, drawn: str | None = None) -> dict[str, Any]:
    """The output options that make ffmpeg treat each track as planned; `drawn` is the filter that draws on the picture.

    A name that begins with `/` takes its value from a file, for it can be long.
    """
    chosen: dict[str, Any] = {}
    for index, track in enumerate(tracks):
        chosen[f"c:{index}"] = track.codec
        moved = retiming if isinstance(track.source, int) and track.kind not in ("cover", "attachment") else None
        if track.codec == "aac":
            chosen[f"filter:{index}"] = ON_THE_CLOCK
        if track.codec == "libx264":
            chosen |= {f"/filter:{index}": ",".join(filter(None, (moved.frames() if moved else None, drawn))), **H264}
        elif moved:
            chosen[f"/bsf:{index}"] = ",".join(filter(None, (_only_before(track), moved.packets())))
        elif bounded := _only_before(track):
            chosen[f"bsf:{index}"] = bounded
        if track.tag:
            chosen[f"tag:{index}"] = track.tag
        if track.disposition:
            chosen[f"disposition:{index}"] = track.disposition
        chosen |= _named(tracks, index)
    return chosen


def _only_before(track: Track) -> str | None:
    return None if track.only_before is None else rf"noise=drop=gte(pts*tb\,{track.only_before:.6f})"


def _named(tracks: Sequence[Track], index: int) -> dict[str, str]:
    track, named = tracks[index], {}
    if track.language:
        named[f"metadata:s:{index}"] = f"language={track.language}"
    if track.title:
        # By its number within its kind: ffmpeg-python takes an option once, and the language has the other name.
        earlier = sum(other.kind == track.kind for other in tracks[:index])
        named[f"metadata:s:{track.kind[0]}:{earlier}"] = f"title={track.title}"
    return named
