"""What goes into the dubbed file: which container, which streams, copied or converted. Pure: ffmpeg/ does it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import langcodes

from shared.videos.facts import MediaFacts, Stream
from worker.media.tracks import SoundTrack, SubtitleTrack, Track, iso639_2

Container = Literal["mp4", "m4a", "mkv"]

# What common players read from an mp4, of what ffmpeg's muxer can put there.
MP4_VIDEO = frozenset({"h264", "hevc", "av1", "vvc", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg"})
MP4_SOUND = frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "opus", "flac", "alac", "dts"})
MKV_SOUND = MP4_SOUND | {"vorbis", "truehd", "mp1", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le"}
TEXT_SUBTITLES = frozenset({"mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"})
COVERS = frozenset({"mjpeg", "png", "bmp"})
# Tracks of an mp4 that its muxer writes anew from chapters and metadata.
REBUILT_TAGS = frozenset({"text", "tmcd"})
MP4_FORMATS = frozenset({"mov", "mp4", "m4a", "3gp", "3g2", "mj2"})
# Containers whose clock ffmpeg counts from the earliest stream that is *used*, not from the earliest there is.
DISCONTINUOUS_FORMATS = frozenset({"mpegts", "mpeg"})


@dataclass(frozen=True, slots=True)
class MuxReport:
    """`warnings`: a sentence for each stream that could not be kept as it was."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The output's tracks in order, and what is left out."""

    container: Container
    tracks: tuple[Track, ...]
    warnings: tuple[str, ...]


def container_for(facts: MediaFacts, *, drawn: bool = False) -> Container:
    """m4a without a picture, mp4 where it can take the video's codec, else mkv; also the file name's ending.

    A picture that is `drawn` on becomes H.264.
    """
    if facts.video is None:
        return "m4a"
    return "mp4" if drawn or facts.video.codec in MP4_VIDEO else "mkv"


def is_discontinuous(format_names: str) -> bool:
    """Whether ffmpeg's clock for this format depends on the streams in use; `format_names` as ffmpeg lists them."""
    return bool(DISCONTINUOUS_FORMATS & set(format_names.split(",")))


def plan(
    facts: MediaFacts,
    *,
    dubs: Sequence[SoundTrack],
    source_language: str | None,
    subtitles: Sequence[SubtitleTrack],
    data_tags: Mapping[int, str],
    remade: Mapping[int, SoundTrack] = MappingProxyType({}),
    original_first: bool = False,
    drawn: bool = False,
    cut: bool = False,
) -> Plan:
    """Lay out the dubbed file. The first dub leads, unless the original sound is to be `original_first`.

    `data_tags`: the four-letter tag of each data stream of the original. `remade`: what stands for a sound of the
    original that could not stay as it is. `drawn`: the picture is drawn on, so it is encoded anew.
    `cut`: the original is a stretch, whose sounds are FLAC because it was cut out; few players read that from an mp4.
    """
    container = container_for(facts, drawn=drawn)
    kept = list(_kept(facts, container, source_language, data_tags, remade))
    if cut and container != "mkv":
        kept = [replace(track, codec="aac") if _is_flac(facts, track) else track for track in kept]
    if drawn:
        kept = [replace(track, codec="libx264", tag=None) if track.kind == "video" else track for track in kept]
    if is_discontinuous(facts.format):
        kept = [_bounded(track, facts.duration_seconds) for track in kept]
    picture = [track for track in kept if track.kind in ("video", "cover")]
    sounds = _sounds(dubs, [track for track in kept if track.kind == "audio"], original_first=original_first)
    texts = [_text(subtitle, container) for subtitle in subtitles]
    rest = [track for track in kept if track not in picture and track.kind != "audio"]
    warnings = _warnings(facts, container, {stream.index for stream in _used(facts, kept, remade)}, data_tags, remade)
    return Plan(container, (*picture, *sounds, *texts, *rest), tuple(warnings))


def plan_sound(sound: SoundTrack) -> list[Track]:
    """One dub by itself."""
    return _sounds([sound], [], original_first=False)


def _sounds(dubs: Sequence[SoundTrack], kept: Sequence[Track], *, original_first: bool) -> list[Track]:
    """The dubs and the sounds of the original, only the first of them played by default."""
    spoken = [
        Track("audio", dub, "copy", iso639_2(dub.language or "und"), dub.title or _name(dub.language), None, "dub")
        for dub in dubs
    ]
    first, *others = [*kept[:1], *spoken, *kept[1:]] if original_first else [*spoken, *kept]
    role = "" if first.disposition == "0" else f"+{first.disposition}"
    return [replace(first, disposition=f"default{role}"), *others]


def _text(subtitle: SubtitleTrack, container: Container) -> Track:
    codec, language = _text_codec(container), iso639_2(subtitle.language)
    return Track("subtitle", subtitle, codec, language, subtitle.title or _name(subtitle.language), None, "0")


def _used(facts: MediaFacts, kept: Sequence[Track], remade: Mapping[int, SoundTrack]) -> list[Stream]:
    indexes = {track.source for track in kept if isinstance(track.source, int)} | remade.keys()
    return [stream for stream in facts.streams if stream.index in indexes]


def _is_flac(facts: MediaFacts, track: Track) -> bool:
    return any(s.index == track.source and (s.kind, s.codec) == ("audio", "flac") for s in facts.streams)


def _bounded(track: Track, seconds: float) -> Track:
    """A transport stream's sound may go on behind the end that its last time stamp declares; the output's may not."""
    is_its_own = track.kind == "audio" and isinstance(track.source, int)
    return replace(track, only_before=seconds) if is_its_own else track


def _kept(
    facts: MediaFacts,
    container: Container,
    source_language: str | None,
    data_tags: Mapping[int, str],
    remade: Mapping[int, SoundTrack],
) -> Iterator[Track]:
    if facts.video is not None:
        yield Track("video", facts.video.index, "copy", _declared(facts.video), tag=_video_tag(facts, container))
    covers = (s.index for s in facts.streams if s.attached_picture and s.codec in COVERS)
    yield from (Track("cover", index, "copy", disposition="attached_pic") for index in covers)
    if facts.audio is not None:
        spoken = iso639_2(source_language) if source_language else _declared(facts.audio)
        yield _sound(facts.audio, container, remade, spoken, "Original", "original")
    for stream in facts.streams:
        if stream.kind == "audio" and stream != facts.audio and stream.sample_rate and stream.channels:
            yield _sound(stream, container, remade, _declared(stream), None, "0")
        elif stream.kind == "subtitle" and stream.codec in TEXT_SUBTITLES:
            yield Track("subtitle", stream.index, _text_codec(container), _declared(stream), disposition="0")
        elif stream.kind == "attachment" and container == "mkv" and not stream.attached_picture:
            yield Track("attachment", stream.index, "copy")
        elif stream.kind == "data" and container == "mp4" and data_tags.get(stream.index) == "gpmd":
            yield Track("data", stream.index, "copy")


def _sound(
    stream: Stream,
    container: Container,
    remade: Mapping[int, SoundTrack],
    language: str | None,
    title: str | None,
    disposition: str,
) -> Track:
    """A sound of the original as it is, converted, or what stands for it."""
    again = remade.get(stream.index)
    if again is not None:
        return Track("audio", again, "copy", language, title, None, disposition)
    return Track("audio", stream.index, _sound_codec(stream, container), language, title, None, disposition)


def _warnings(
    facts: MediaFacts,
    container: Container,
    used: set[int],
    data_tags: Mapping[int, str],
    remade: Mapping[int, SoundTrack],
) -> Iterator[str]:
    for stream in facts.streams:
        tag = data_tags.get(stream.index)
        kind = "cover" if stream.attached_picture else stream.kind
        name = ", ".join(word for word in (kind, tag or stream.codec) if word != "unknown")
        unfit = f"Stream {stream.index} ({name}) does not fit into {container}"
        if stream.index not in used and not (container != "mkv" and tag in REBUILT_TAGS):
            yield f"{unfit} and was left out."
        elif stream.index in remade:
            yield f"Stream {stream.index} ({name}) was slowed with the picture and converted to AAC."
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


def _name(tag: str | None) -> str | None:
    """What the language calls itself, in its own script; with its region, for a file may have two of one language."""
    if not tag:
        return None
    language = langcodes.get(tag)
    return language.display_name(language.maximize())
