"""One frame of a video, or the cover of a sound file, as a small JPEG."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.filter import Graph
from av.stream import Discard, Disposition

WIDEST, HIGHEST = 480, 854
TRANSPOSE = {90: "cclock", 270: "clock"}


@dataclass(frozen=True, slots=True)
class Picture:
    """What the frame gave: its rotation (degrees counter-clockwise), its JPEG, or why there is none."""

    rotation: int = 0
    jpeg: bytes | None = None
    trouble: str = ""


def take_picture(container: Any, position: float, *, encode: bool) -> Picture:
    """Decode the keyframe at or before `position` (seconds). Raises what PyAV raises."""
    videos = [stream for stream in container.streams if stream.type == "video"]
    if not videos:
        return Picture()
    stream = min(videos, key=lambda video: bool(video.disposition & Disposition.attached_pic))
    frame = _frame(container, stream, position)
    rotation = round(frame.rotation / 90) * 90 % 360
    return Picture(rotation, _jpeg(_upright(frame, rotation)) if encode else None)


def _frame(container: Any, stream: Any, position: float) -> Any:
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    stream.codec_context.thread_count = 1  # each thread would cost address space
    stream.codec_context.skip_frame = "NONKEY"
    if position > 0 and not stream.disposition & Disposition.attached_pic:
        start = stream.start_time or 0
        container.seek(int(position / stream.time_base) + start, stream=stream)
    frame = next(container.decode(stream), None)
    if frame is None:
        raise ValueError("no frame could be decoded")
    return frame


def _upright(frame: Any, rotation: int) -> Any:
    width, height = fitted(frame.width, frame.height, turned=rotation in (90, 270))
    graph = Graph()
    graph.threads = 1
    frame.time_base = Fraction(1, 1000)
    steps = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)]
    steps.append(graph.add("scale", f"{width}:{height}:out_range=full"))
    steps.append(graph.add("format", "yuvj420p"))
    if rotation == 180:
        steps += [graph.add("hflip"), graph.add("vflip")]
    elif rotation:
        steps.append(graph.add("transpose", TRANSPOSE[rotation]))
    steps.append(graph.add("buffersink"))
    graph.link_nodes(*steps).configure()
    graph.push(frame)
    return graph.pull()


def fitted(width: int, height: int, *, turned: bool) -> tuple[int, int]:
    """The size to scale to before turning, so that the upright picture fits; never larger, always even."""
    across, down = (height, width) if turned else (width, height)
    scale = min(1.0, WIDEST / across, HIGHEST / down)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _jpeg(frame: Any) -> bytes:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    frame.pts = None
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
