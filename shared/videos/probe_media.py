"""What a media file says of itself, read with PyAV. Only ever imported by the probe's child process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import av
import av.error
import av.subtitles.codeccontext
import av.subtitles.stream  # PyAV would load these two late, when nothing can be opened any more
from av.stream import Discard, Disposition

from shared.videos.facts import MediaFacts, Stream, StreamKind
from shared.videos.probe_picture import Picture, take_picture
from shared.videos.probe_source import Source, View
from shared.videos.probe_truncation import AUDIO_BY_COUNTING, cut_boxes, has_length_header, missing_riff_bytes

MIB = 1024 * 1024
# Each step has its own allowance; all of them together have what the parent gives.
OPEN_BYTES, TAIL_BYTES, COUNT_BYTES, PICTURE_BYTES = 32 * MIB, 16 * MIB, 44 * MIB, 8 * MIB
SPLICE_HEAD_BYTES, SPLICE_TAIL_BYTES = 2 * MIB, 8 * MIB
# How much may be missing at the end before a file counts as truncated, and how far before the end to look (seconds).
MISSING_SECONDS = 2.0
TAIL_SECONDS = 5.0
MICROSECONDS = 1_000_000

# Containers that hold their own sound and picture. Playlists, concat scripts, image sequences and bare subtitles are
# not among them: those name other files.
FORMATS = (
    "mov",
    "matroska",
    "avi",
    "flv",
    "live_flv",
    "mpegts",
    "mpeg",
    "asf",
    "mxf",
    "nut",
    "rm",
    "dv",
    "wtv",
    "mp3",
    "aac",
    "ac3",
    "eac3",
    "dts",
    "amr",
    "wav",
    "w64",
    "flac",
    "ogg",
    "aiff",
    "caf",
    "au",
    "ape",
    "wv",
    "tta",
)
OPTIONS = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "pipe", "threads": "1"}


class RejectedError(Exception):
    """The file can't be dubbed; `code` is one of probe.REJECTIONS, `reason` is for the log."""

    def __init__(self, code: str, reason: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason


@contextmanager
def opened(view: View) -> Iterator[Any]:
    """The container in `view`. Raises av.error.FFmpegError (and its kin) when there is none."""
    with av.open(view, mode="r", options=dict(OPTIONS), metadata_errors="replace") as container:
        yield container


# What PyAV raises for broken input: its own errors, and the builtin ones it maps codes to.
BROKEN = (av.error.FFmpegError, OSError, ValueError, MemoryError, ArithmeticError, LookupError)


def read_facts(source: Source) -> MediaFacts:
    """The container's facts. Raises RejectedError."""
    source.allow(OPEN_BYTES)
    try:
        with opened(_whole(source)) as container:
            facts = _facts(container)
            return _judged(container, facts, source)
    except BROKEN as error:
        raise RejectedError("truncated" if cut_boxes(source) else "not_media", repr(error)) from None


def read_picture(source: Source, facts: MediaFacts, *, encode: bool) -> Picture:
    """One frame near 10 % of the length, else the first; what went wrong instead of an exception."""
    trouble = ""
    for position in (facts.duration_seconds / 10, 0.0):
        source.allow(PICTURE_BYTES)
        try:
            with opened(_whole(source)) as container:
                return take_picture(container, position, encode=encode)
        except BROKEN as error:
            trouble = f"{type(error).__name__}: {error}"
    return Picture(trouble=trouble)


def _whole(source: Source) -> View:
    return View(source, [(0, source.size_bytes)])


def _facts(container: Any) -> MediaFacts:
    streams = tuple(_stream(stream) for stream in container.streams)
    declared = container.duration / MICROSECONDS if container.duration and container.duration > 0 else 0.0
    return MediaFacts(container.format.name, declared, streams)


def _stream(stream: Any) -> Stream:
    context = stream.codec_context
    video, audio = stream.type == "video", stream.type == "audio"
    rate = (stream.average_rate or stream.guessed_rate) if video else None
    return Stream(
        index=stream.index,
        kind=stream.type if stream.type in get_args(StreamKind) else "data",
        codec=context.codec.canonical_name if context else "unknown",
        language=None if stream.language in (None, "", "und") else stream.language[:35],
        default=bool(stream.disposition & Disposition.default),
        attached_picture=bool(stream.disposition & Disposition.attached_pic),
        start_seconds=_seconds(stream.start_time, stream.time_base),
        duration_seconds=_seconds(stream.duration, stream.time_base),
        channels=context.channels if audio and context else None,
        sample_rate=context.sample_rate if audio and context else None,
        width=context.width if video and context else None,
        height=context.height if video and context else None,
        fps=round(float(rate), 3) if rate else None,
    )


def _seconds(ticks: int | None, base: Any) -> float | None:
    return float(ticks * base) if ticks is not None and base else None


def _judged(container: Any, facts: MediaFacts, source: Source) -> MediaFacts:
    if not any(stream.kind in ("audio", "video") for stream in facts.streams):
        raise RejectedError("not_media")
    if facts.audio is None or not facts.audio.sample_rate:
        raise RejectedError("no_audio")
    if facts.video is not None and _is_shapeless(facts.video, container):
        raise RejectedError("picture_unreadable")
    end, exact = _end(container, facts, source)
    declared = facts.duration_seconds
    missing = missing_riff_bytes(source) * declared / source.size_bytes
    if (end is not None and exact and end < declared - MISSING_SECONDS) or missing > MISSING_SECONDS:
        raise RejectedError("truncated")
    length = (end if end is not None and not exact else max(declared, end or 0.0)) or declared
    if length <= 0:
        raise RejectedError("not_media")
    return MediaFacts(facts.format, length, facts.streams)


def _is_shapeless(video: Stream, container: Any) -> bool:
    """Raw pictures of which nobody knows how a pixel is stored: no decoder takes them, and no container either."""
    return video.codec == "rawvideo" and container.streams[video.index].codec_context.pix_fmt is None


def _end(container: Any, facts: MediaFacts, source: Source) -> tuple[float | None, bool]:
    """Where the last packet ends (seconds; None: not found out), and whether the declared length is to be believed."""
    source.allow(TAIL_BYTES)
    if "matroska" in facts.format:
        return _spliced_end(source), True
    if facts.format in AUDIO_BY_COUNTING:
        # These carry no length, only the next frame: count them all, or scale up what the budget let through.
        source.allow(COUNT_BYTES)
        counted, position = _count(container)
        exact = facts.format == "mp3" and has_length_header(source)
        if source.exhausted:
            return (None, True) if exact or not position else (counted * source.size_bytes / position, False)
        return counted, exact
    end = _sought_end(container, facts)
    return (None if source.exhausted else end), True


def _count(container: Any) -> tuple[float, int]:
    end, position = 0.0, 0
    try:
        for packet in container.demux(audio=0):
            end, position = max(end, _packet_end(packet)), max(position, packet.pos or 0)
    except BROKEN:
        return end, position
    return end, position


def _spliced_end(source: Source) -> float | None:
    """The end by the last clusters: Matroska finds its footing again in the tail put straight behind the head."""
    tail = max(0, source.size_bytes - SPLICE_TAIL_BYTES)
    head = min(SPLICE_HEAD_BYTES, tail)
    with opened(View(source, [(0, head), (tail, source.size_bytes)])) as container:
        end = _last(container.demux(), container.start_time)
    return None if source.exhausted else end


def _sought_end(container: Any, facts: MediaFacts) -> float | None:
    """The end by seeking near it on the stream that lasts longest; None where the container can't say."""
    lasting = [s for s in facts.streams if s.kind in ("audio", "video") and not s.attached_picture]
    longest = max(lasting, key=lambda s: ((s.start_seconds or 0.0) + (s.duration_seconds or 0.0), s.kind == "audio"))
    stream = container.streams[longest.index]
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    target = facts.duration_seconds + (container.start_time or 0) / MICROSECONDS - TAIL_SECONDS
    if target > 0:
        container.seek(int(target / stream.time_base), stream=stream, any_frame=True)
    return _last(container.demux(stream), container.start_time)


def _last(packets: Iterator[Any], start: int | None) -> float:
    end = 0.0
    try:
        for packet in packets:
            end = max(end, _packet_end(packet))
    except BROKEN:
        pass  # a cut file ends in an error; how far it got is what counts
    return end - max(0, start or 0) / MICROSECONDS if end else 0.0


def _packet_end(packet: Any) -> float:
    if packet.pts is None or packet.time_base is None:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)
