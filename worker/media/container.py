"""What goes into the dubbed file: which container, which streams, copied or converted. Pure: ffmpeg/ does it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import langcodes

from shared.videos.facts import MediaFacts, Stream

Container = Literal["mp4", "m4a", "mkv"]
TrackKind = Literal["video", "audio", "subtitle", "data", "attachment", "cover"]

# What common players read from an mp4, of what ffmpeg's muxer can put there.
MP4_VIDEO = frozenset({"h264", "hevc", "av1", "vvc", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg"})
MP4_SOUND = frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "opus", "flac", "alac", "dts"})
MKV_SOUND = MP4_SOUND | {"vorbis", "truehd", "mp1", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le"}
TEXT_SUBTITLES = frozenset({"mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"})
COVERS = frozenset({"mjpeg", "png", "bmp"})
# Tracks of an mp4 that its muxer writes anew from chapters and metadata.
REBUILT_TAGS = frozenset({"text", "tmcd"})
MP4_FORMATS = frozenset({"mov", "mp4", "m4a", "3gp", "3g2", "mj2"})
# Puts sound on the presentation clock: gaps filled, overlaps dropped, nothing before zero.
ON_THE_CLOCK = "aresample=async=1:first_pts=0"
# Containers whose clock ffmpeg counts from the earliest stream that is *used*, not from the earliest there is.
DISCONTINUOUS_FORMATS = frozenset({"mpegts", "mpeg"})


@dataclass(frozen=True, slots=True)
class SubtitleTrack:
    """A finished SRT file with its BCP-47 language."""

    path: Path
    language: str
    title: str | None = None


@dataclass(frozen=True, slots=True)
class MuxReport:
    """`warnings`: a sentence for each stream that could not be kept as it was."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Track:
    """A stream of the output. `source`: its index in the original, or the dub, or a subtitle file.

    `only_before`: packets that begin at this time (seconds) or later are left out.
    """

    kind: TrackKind
    source: int | Literal["dub"] | SubtitleTrack
    codec: str
    language: str | None = None
    title: str | None = None
    tag: str | None = None
    only_before: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The output's tracks in order, and what is left out."""

    container: Container
    tracks: tuple[Track, ...]
    warnings: tuple[str, ...]


def container_for(facts: MediaFacts) -> Container:
    """m4a without a picture, mp4 where it can take the video's codec, else mkv; also the file name's ending."""
    if facts.video is None:
        return "m4a"
    return "mp4" if facts.video.codec in MP4_VIDEO else "mkv"


def is_discontinuous(format_names: str) -> bool:
    """Whether ffmpeg's clock for this format depends on the streams in use; `format_names` as ffmpeg lists them."""
    return bool(DISCONTINUOUS_FORMATS & set(format_names.split(",")))


def iso639_2(tag: str) -> str:
    """The ISO 639-2/T code of a BCP-47 tag (`es-MX` → `spa`); `und` where there is none."""
    try:
        return langcodes.get(tag).to_alpha3()
    except LookupError:
        return "und"


def plan(
    facts: MediaFacts,
    *,
    language: str,
    source_language: str | None,
    subtitles: Sequence[SubtitleTrack],
    data_tags: Mapping[int, str],
) -> Plan:
    """Lay out the dubbed file. `data_tags`: the four-letter tag of each data stream of the original."""
    container = container_for(facts)
    kept = list(_kept(facts, container, source_language, data_tags))
    picture = [track for track in kept if track.kind in ("video", "cover")]
    dub = Track("audio", "dub", "copy", iso639_2(language), _name(language))
    texts = [Track("subtitle", sub, _text_codec(container), iso639_2(sub.language), sub.title) for sub in subtitles]
    rest = [track for track in kept if track not in picture]
    tracks = (*picture, dub, *(t for t in rest if t.kind == "audio"), *texts, *(t for t in rest if t.kind != "audio"))
    if is_discontinuous(facts.format):
        tracks = tuple(_bounded(track, facts.duration_seconds) for track in tracks)
    used = {track.source for track in kept if isinstance(track.source, int)}
    return Plan(container, tracks, tuple(_warnings(facts, container, used, data_tags)))


def options(tracks: Sequence[Track]) -> dict[str, str]:
    """The output options that make ffmpeg treat each track as planned."""
    chosen: dict[str, str] = {}
    for index, track in enumerate(tracks):
        chosen[f"c:{index}"] = track.codec
        if track.codec == "aac":
            chosen[f"filter:{index}"] = ON_THE_CLOCK
        if track.only_before is not None:
            chosen[f"bsf:{index}"] = rf"noise=drop=gte(pts*tb\,{track.only_before:.6f})"
        if track.tag:
            chosen[f"tag:{index}"] = track.tag
        if track.language:
            chosen[f"metadata:s:{index}"] = f"language={track.language}"
        if track.title:
            # By its number within its kind: ffmpeg-python takes an option once, and the language has the other name.
            earlier = sum(other.kind == track.kind for other in tracks[:index])
            chosen[f"metadata:s:{track.kind[0]}:{earlier}"] = f"title={track.title}"
        if disposition := _disposition(track):
            chosen[f"disposition:{index}"] = disposition
    return chosen


def _disposition(track: Track) -> str | None:
    if track.source == "dub":
        return "default+dub"
    if track.kind == "cover":
        return "attached_pic"
    if track.kind == "audio":
        return "original" if track.title else "0"
    return "0" if track.kind == "subtitle" else None


def _bounded(track: Track, seconds: float) -> Track:
    """A transport stream's sound may go on behind the end that its last time stamp declares; the output's may not."""
    return replace(track, only_before=seconds) if track.kind == "audio" and track.source != "dub" else track


def _kept(
    facts: MediaFacts, container: Container, source_language: str | None, data_tags: Mapping[int, str]
) -> Iterator[Track]:
    if facts.video is not None:
        yield Track("video", facts.video.index, "copy", _declared(facts.video), tag=_video_tag(facts, container))
    yield from (Track("cover", s.index, "copy") for s in facts.streams if s.attached_picture and s.codec in COVERS)
    if facts.audio is not None:
        spoken = iso639_2(source_language) if source_language else _declared(facts.audio)
        yield Track("audio", facts.audio.index, _sound_codec(facts.audio, container), spoken, "Original")
    for stream in facts.streams:
        if stream.kind == "audio" and stream != facts.audio and stream.sample_rate and stream.channels:
            yield Track("audio", stream.index, _sound_codec(stream, container), _declared(stream))
        elif stream.kind == "subtitle" and stream.codec in TEXT_SUBTITLES:
            yield Track("subtitle", stream.index, _text_codec(container), _declared(stream))
        elif stream.kind == "attachment" and container == "mkv" and not stream.attached_picture:
            yield Track("attachment", stream.index, "copy")
        elif stream.kind == "data" and container == "mp4" and data_tags.get(stream.index) == "gpmd":
            yield Track("data", stream.index, "copy")


def _warnings(facts: MediaFacts, container: Container, used: set[int], data_tags: Mapping[int, str]) -> Iterator[str]:
    for stream in facts.streams:
        tag = data_tags.get(stream.index)
        kind = "cover" if stream.attached_picture else stream.kind
        name = ", ".join(word for word in (kind, tag or stream.codec) if word != "unknown")
        unfit = f"Stream {stream.index} ({name}) does not fit into {container}"
        if stream.index not in used and not (container != "mkv" and tag in REBUILT_TAGS):
            yield f"{unfit} and was left out."
        elif kind == "audio" and stream.index in used and _sound_codec(stream, container) != "copy":
            yield f"{unfit} and was converted to AAC."


def _sound_codec(stream: Stream, container: Container) -> str:
    return "copy" if stream.codec in (MKV_SOUND if container == "mkv" else MP4_SOUND) else "aac"


def _text_codec(container: Container) -> str:
    return "srt" if container == "mkv" else "mov_text"


def _video_tag(facts: MediaFacts, container: Container) -> str | None:
    """HEVC from elsewhere is tagged hvc1, which Apple's players insist on; an mp4's own tag (also dvh1) stays."""
    from_mp4 = bool(MP4_FORMATS & set(facts.format.split(",")))
    hevc = facts.video is not None and facts.video.codec == "hevc"
    return "hvc1" if hevc and container == "mp4" and not from_mp4 else None


def _declared(stream: Stream) -> str | None:
    return iso639_2(stream.language) if stream.language else None


def _name(tag: str) -> str:
    return langcodes.get(tag).autonym()
