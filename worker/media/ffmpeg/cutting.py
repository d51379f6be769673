"""A stretch out of a file."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ffmpeg

from shared.limited import Limits
from shared.videos.facts import MediaFacts
from worker.media import console
from worker.media import cut as layout
from worker.media.ffmpeg.inputs import as_url, describe, on_the_clock, source_of
from worker.media.ffmpeg.process import (
    CPU_SECONDS_AT_LEAST,
    MEMORY_BYTES,
    OVERHEAD_BYTES,
    UNREADABLE,
    Process,
    Told,
    limits_for,
    run,
    untold,
)
from worker.media.tracks import Track

# What encoding a second of picture anew can take, of processor time and of disk.
CPU_SECONDS_PER_SECOND = 30.0
BYTES_PER_SECOND = 10_000_000

FAILED = ("excerpt_failed", "The stretch that was asked for could not be cut out of this file.")


def cut(original: Path, facts: MediaFacts, out: Path, *, start: float, seconds: float, told: Told = untold) -> float:
    """Cut a stretch out of a file: the sound to the sample; returns where the stretch starts in fact (seconds).

    Where the start lies on a keyframe (within half a frame, to which it then moves) the picture's packets are copied,
    and the last of them may end a few frames late; elsewhere it is encoded anew, with no loss that is seen.
    Raises PermanentError `media_unreadable`, `excerpt_failed`; TransientError.
    """
    key = _keyframe(original, facts, start)
    start = start if key is None else key
    copied = facts.video is None or key is not None
    lead = layout.run_up(facts, start)
    cpu_seconds = round(CPU_SECONDS_AT_LEAST + 2 * start + CPU_SECONDS_PER_SECOND * seconds)
    file_bytes = round(original.stat().st_size + OVERHEAD_BYTES + BYTES_PER_SECOND * seconds)
    limits = Limits(cpu_seconds=cpu_seconds, memory_bytes=MEMORY_BYTES, file_bytes=file_bytes)
    last = _first_dts_behind(original, facts, start + seconds) if copied else None
    planned = layout.tracks(facts, copied=copied)
    options = layout.options(planned, facts, seconds, lead, None if last is None else last - start)
    form = "matroska" if layout.container_of(facts, copied=copied) == "mkv" else "mp4"
    graph = _cutting(original, planned, lead, out, start, f=form, t=f"{seconds:.6f}", strict="unofficial", **options)
    run(graph, limits, failure=FAILED, seconds=seconds, told=told)
    return start


def _keyframe(original: Path, facts: MediaFacts, start: float) -> float | None:
    """The time of the keyframe at `start`, give or take half a frame; None where there is none, or it can't be told."""
    if facts.video is None or start <= 0:
        return start if facts.video is None else 0.0
    half = layout.half_frame(facts)
    found = next(_packets(original, facts, start + half), None) if layout.is_indexed(facts) else None
    if found is None or abs(found.pts - start) > half:
        return None
    return math.ceil(found.pts * 1e6) / 1e6  # a seek to any earlier time would find the keyframe before it


def _first_dts_behind(original: Path, facts: MediaFacts, end: float) -> float | None:
    """The decoding time of the first of the picture's packets, in decoding order, that is shown at `end` or later."""
    if facts.video is None:
        return None
    packets = _packets(original, facts, end if layout.is_indexed(facts) else 0.0)
    behind = (packet.dts for packet in packets if packet.pts >= end - layout.half_frame(facts) / 2)
    return next(behind, None)


def _packets(original: Path, facts: MediaFacts, start: float) -> Iterator[console.Packet]:
    """The picture's packets, in decoding order, from the keyframe at or before `start` on."""
    assert facts.video is not None
    source = source_of(original, **({"ss": f"{start:.6f}"} if start > 0 else {}))
    listing = ffmpeg.output(source[str(facts.video.index)], "pipe:1", f="framecrc", c="copy")
    graph = listing.global_args("-copyts", "-start_at_zero")
    with Process(graph, limits_for(facts.duration_seconds), failure=UNREADABLE) as process:
        yield from console.packets(line.decode(errors="replace") for line in process.stdout)
        process.finish()


def _cutting(
    original: Path, planned: Sequence[Track], lead: layout.RunUp, out: Path, start: float, **options: Any
) -> Any:
    described = describe(original)
    genpts = {"fflags": "+genpts"} if described.formats == "avi" else {}
    begins = {"copy": start, "libx264": start - lead.picture, "flac": start - lead.sound}
    inputs: dict[float, Any] = {}
    streams = []
    for track in planned:
        at = begins.get(track.codec, start)
        inputs.setdefault(at, source_of(original, **genpts, **({"ss": f"{at:.6f}"} if at > 0 else {})))
        streams.append(inputs[at][str(track.source)])
    output = ffmpeg.output(*streams, as_url(out), **options)
    return on_the_clock(inputs[begins["flac"]], described, output) if begins["flac"] in inputs else output
