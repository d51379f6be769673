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

    def packets(self) -> str:
        """The bitstream filter that moves packets, whose order stays as it is."""
        moved = {name: f"st(0,{ticks}*TB);{ticks}+{self._added('ld(0)')}/TB" for name, ticks in _TIMES.items()}
        ends = f"st(0,PTS*TB);st(1,(PTS+DURATION)*TB);DURATION+({self._added('ld(1)')}-{self._added('ld(0)')})/TB"
        return "setts=" + _escaped(":".join(f"{name}={value}" for name, value in {**moved, "duration": ends}.items()))

    def frames(self) -> str:
        """The filter that moves decoded pictures."""
        return "setpts=" + _escaped(f"st(0,PTS*TB);PTS+{self._added('ld(0)')}/TB")

    def _added(self, time: str) -> str:
        """ffmpeg's expression of the seconds to add at `time`: a balanced tree, for ffmpeg takes no deep ones."""
        pieces, added, end = list[tuple[float, str]](), 0.0, 0.0
        for start, length, share in self.spans:
            if start > end:
                pieces.append((end, f"{added:.6f}"))
            pieces.append((start, f"({added:.6f}+{share:.9f}*({time}-{start:.6f}))"))
            added, end = added + share * length, start + length
        return _tree(time, [*pieces, (end, f"{added:.6f}")])


_TIMES = {"pts": "PTS", "dts": "DTS"}


def _tree(time: str, pieces: Sequence[tuple[float, str]]) -> str:
    """Of pieces (from when on, expression) the one that holds at `time`."""
    if len(pieces) == 1:
        return pieces[0][1]
    middle = len(pieces) // 2
    return f"if(lt({time},{pieces[middle][0]:.6f}),{_tree(time, pieces[:middle])},{_tree(time, pieces[middle:])})"


def _escaped(expression: str) -> str:
    return expression.replace(",", r"\,").replace(";", r"\;")


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
            chosen |= {f"filter:{index}": ON_THE_CLOCK, f"aac_is:{index}": 0}
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
