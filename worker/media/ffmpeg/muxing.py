"""The finished file: picture, sounds and subtitles joined, packets untouched."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ffmpeg

from shared.videos.facts import MediaFacts
from worker.media import container
from worker.media.console import Description
from worker.media.container import MuxReport, Plan, SubtitleTrack, Track
from worker.media.ffmpeg.inputs import as_url, describe, on_the_clock, source_of
from worker.media.ffmpeg.process import OVERHEAD_BYTES, Told, limits_for, run, untold

# What converted tracks and a container's tables can take at most for each second.
OVERHEAD_BYTES_PER_SECOND = 200_000

FAILED = ("mux_failed", "The dubbed sound could not be joined with this video.")


def mux(
    original: Path,
    facts: MediaFacts,
    dub: Path,
    out: Path,
    *,
    language: str,
    source_language: str | None,
    subtitles: Sequence[SubtitleTrack],
    told: Told = untold,
) -> MuxReport:
    """Join the original's picture, untouched, with the dub as first and the original sound as second track.

    `dub` begins at 0 s of the presentation; the file's kind is `container_for(facts)`, whatever `out` is called.
    Raises PermanentError `media_unreadable`, `mux_failed`; TransientError.
    """
    described = describe(original)
    layout = container.plan(
        facts,
        language=language,
        source_language=source_language,
        subtitles=subtitles,
        data_tags=described.data_tags,
    )
    file_bytes = round(1.1 * original.stat().st_size) + dub.stat().st_size + OVERHEAD_BYTES
    file_bytes += round(facts.duration_seconds * OVERHEAD_BYTES_PER_SECOND)
    limits = limits_for(facts.duration_seconds, file_bytes)
    graph = _muxing(original, described, dub, out, layout)
    run(graph, limits, failure=FAILED, seconds=facts.duration_seconds, told=told)
    return MuxReport(layout.warnings)


def _muxing(original: Path, described: Description, dub: Path, out: Path, layout: Plan) -> Any:
    # AVI has no presentation times; they follow from the decoding order.
    source = source_of(original, **({"fflags": "+genpts"} if described.formats == "avi" else {}))
    spoken = source_of(dub)
    streams = [_stream(track, source, spoken) for track in layout.tracks]
    original_input = 0 if isinstance(layout.tracks[0].source, int) else 1
    options: dict[str, Any] = {
        "f": "matroska" if layout.container == "mkv" else "mp4",
        "map_metadata": original_input,
        "map_chapters": original_input,
        "strict": "unofficial",  # Dolby Vision and 360° descriptions are written only so
        **container.options(layout.tracks),
    }
    if layout.container != "mkv":
        options["movflags"] = "+faststart"
    return on_the_clock(source, described, ffmpeg.output(*streams, as_url(out), **options))


def _stream(track: Track, source: Any, spoken: Any) -> Any:
    if isinstance(track.source, int):
        return source[str(track.source)]
    if isinstance(track.source, SubtitleTrack):
        return source_of(track.source.path, f="srt")["s:0"]
    return spoken["a:0"]
