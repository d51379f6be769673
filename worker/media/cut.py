"""How a stretch is cut out of a file: which streams, copied or converted, and by which filters. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.videos.facts import MediaFacts, Stream
from worker.media.container import COVERS, TEXT_SUBTITLES, Container, container_for
from worker.media.tracks import H264, ON_THE_CLOCK, Track, iso639_2

# Formats whose packets' times are known, so that a picture can be entered anywhere; others are read from their start.
INDEXED_FORMATS = frozenset({"mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm"})
# Those that know times finely enough for sound: Matroska's milliseconds would be heard as an echo.
EXACT_FORMATS = INDEXED_FORMATS - {"matroska", "webm"}
# Decoders need some of what comes before, to be exact from the first sample on.
RUN_UP_SECONDS = 5.0
USUAL_FPS = 25.0


def is_indexed(facts: MediaFacts) -> bool:
    """Whether the picture can be entered anywhere."""
    return bool(INDEXED_FORMATS & set(facts.format.split(",")))


@dataclass(frozen=True, slots=True)
class RunUp:
    """How long before the stretch the decoding of picture and sound begins (seconds)."""

    picture: float
    sound: float


def run_up(facts: MediaFacts, start: float) -> RunUp:
    """What the file's format needs, for a stretch that begins at `start`."""
    near, exact = min(start, RUN_UP_SECONDS), bool(EXACT_FORMATS & set(facts.format.split(",")))
    return RunUp(near if is_indexed(facts) else start, near if exact else start)


def half_frame(facts: MediaFacts) -> float:
    """Half of the time that a picture stands (seconds)."""
    fps = facts.video.fps if facts.video else None
    return 0.5 / (fps or USUAL_FPS)


def container_of(facts: MediaFacts, *, copied: bool) -> Container:
    """The kind of file that holds the stretch: the one that the dub will have."""
    if facts.video is None or copied:
        return container_for(facts)
    return "mp4"


def tracks(facts: MediaFacts, *, copied: bool) -> tuple[Track, ...]:
    """The picture, copied or encoded anew; every sound, lossless; covers and subtitles. The sound to dub leads."""
    return tuple(_tracks(facts, container_of(facts, copied=copied), copied=copied))


def _tracks(facts: MediaFacts, container: Container, *, copied: bool) -> Iterator[Track]:
    if facts.video is not None:
        yield Track("video", facts.video.index, "copy" if copied else "libx264", facts.video.language)
    yield from (Track("cover", s.index, "copy") for s in facts.streams if s.attached_picture and s.codec in COVERS)
    for stream in sorted(facts.streams, key=lambda stream: stream != facts.audio):
        if stream.kind == "audio" and stream.sample_rate and stream.channels:
            yield Track("audio", stream.index, "flac", stream.language)
        elif stream.kind == "subtitle" and stream.codec in TEXT_SUBTITLES:
            yield Track("subtitle", stream.index, "srt" if container == "mkv" else "mov_text", stream.language)


def options(
    planned: tuple[Track, ...], facts: MediaFacts, seconds: float, lead: RunUp, last_dts: float | None
) -> dict[str, Any]:
    """The output options for `planned`. A copied picture has no packet from `last_dts` (seconds) on."""
    chosen: dict[str, Any] = {}
    for index, track in enumerate(planned):
        chosen[f"c:{index}"] = track.codec
        if track.codec == "flac":
            chosen[f"filter:{index}"] = _sound_filter(seconds, lead.sound)
        elif track.codec == "libx264":
            assert facts.video is not None
            chosen |= {f"filter:{index}": _picture_filter(facts.video, seconds, lead.picture), **H264}
        elif track.kind == "video":
            chosen[f"bsf:{index}"] = _within(seconds, last_dts)
        if track.language:
            chosen[f"metadata:s:{index}"] = f"language={iso639_2(track.language)}"
        if track.kind in ("audio", "cover"):
            chosen[f"disposition:{index}"] = _disposition(track, facts)
    return chosen


def _within(seconds: float, last_dts: float | None) -> str:
    """Drops pictures that lead up to the first: they are shown before it, and need what was cut off to be decoded; and
    all from the first on that is shown after the end: what follows it needs it."""
    end = rf"gte(dts*tb\,{last_dts:.6f})" if last_dts is not None else rf"gte(pts*tb\,{seconds:.6f})"
    return rf"noise=drop=lt(pts*tb\,-0.001)+{end}"


def _disposition(track: Track, facts: MediaFacts) -> str:
    if track.kind == "cover":
        return "attached_pic"
    return "default" if facts.audio is not None and track.source == facts.audio.index else "0"


def _sound_filter(seconds: float, lead: float) -> str:
    """Exactly the stretch, silence where there is no sound, 16 bits like all that is made of it."""
    end = lead + seconds
    cut = f"atrim=start={lead:.6f}:end={end:.6f},asetpts=PTS-{lead:.6f}/TB"
    return f"{ON_THE_CLOCK},{cut},apad=whole_dur={seconds:.6f},aformat=sample_fmts=s16"


def _picture_filter(video: Stream, seconds: float, lead: float) -> str:
    cut = f"trim=start={lead:.6f}:end={lead + seconds:.6f},setpts=PTS-{lead:.6f}/TB"
    odd = (video.width or 0) % 2 or (video.height or 0) % 2
    return f"{cut},pad=ceil(iw/2)*2:ceil(ih/2)*2" if odd else cut
