"""The finished file: picture, sounds and subtitles joined, packets untouched unless the picture is drawn on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ffmpeg

from shared.limited import Limits
from shared.videos.facts import MediaFacts
from worker.media import container
from worker.media.console import Description
from worker.media.container import MuxReport, Plan
from worker.media.ffmpeg.drawing import drawing
from worker.media.ffmpeg.inputs import as_url, describe, on_the_clock, source_of
from worker.media.ffmpeg.process import (
    CPU_SECONDS_AT_LEAST,
    MEMORY_BYTES,
    OVERHEAD_BYTES,
    Told,
    limits_for,
    run,
    untold,
)
from worker.media.tracks import Retiming, SoundTrack, SubtitleTrack, Track, options

# What converted tracks and a container's tables can take at most for each second.
OVERHEAD_BYTES_PER_SECOND = 200_000
# What encoding a second of picture anew can take, of processor time and of disk.
DRAWING_CPU_SECONDS_PER_SECOND = 30.0
DRAWING_BYTES_PER_SECOND = 10_000_000

FAILED = ("mux_failed", "The dubbed sound could not be joined with this video.")
TAGGING = ("encoding_failed", "The dubbed sound could not be written.")


@dataclass(frozen=True)
class Joining:
    """What is joined with an original. `dubs` begin at 0 s of the presentation.

    `remade` stands for sounds of the original, by their index. `drawn` is an ASS file to draw into the picture.
    `retiming` moves all that comes from the original itself; the output then lasts `seconds`, with `chapters` (an
    ffmetadata file) in place of the original's. `cut`: the original is a stretch that was cut out of a longer file.
    """

    dubs: Sequence[SoundTrack]
    source_language: str | None
    subtitles: Sequence[SubtitleTrack] = ()
    original_first: bool = False
    drawn: Path | None = None
    remade: Mapping[int, SoundTrack] = field(default_factory=dict)
    retiming: Retiming | None = None
    seconds: float | None = None
    chapters: Path | None = None
    cut: bool = False


def mux(original: Path, facts: MediaFacts, joining: Joining, out: Path, *, told: Told = untold) -> MuxReport:
    """Join the original's picture with dubs and subtitles; its packets stay as they are unless it is drawn on.

    The report has a sentence for all that could not be kept.

    The file's kind is `container_for(facts)`, whatever `out` is called.
    Raises PermanentError `media_unreadable`, `mux_failed`; TransientError.
    """
    described = describe(original)
    layout = container.plan(
        facts,
        dubs=joining.dubs,
        source_language=joining.source_language,
        subtitles=joining.subtitles,
        data_tags=described.data_tags,
        remade=joining.remade,
        original_first=joining.original_first,
        drawn=joining.drawn is not None,
        cut=joining.cut,
    )
    seconds = joining.seconds or facts.duration_seconds
    drawn = drawing(joining.drawn, facts) if joining.drawn else None
    chosen = options(layout.tracks, retiming=joining.retiming, drawn=drawn)
    with _in_files(chosen, out) as written:
        if joining.chapters is None:
            written["map_chapters"] = _input_number(layout.tracks)
        graph = _muxing(original, described, out, layout, written)
        limits = _limits(original, joining, seconds)
        run(graph, limits, failure=FAILED, seconds=seconds, told=told, chapters=joining.chapters)
    return MuxReport((*layout.warnings, *_lost_notes(described, out, drawn=drawn is not None)))


def _lost_notes(described: Description, out: Path, *, drawn: bool) -> Iterator[str]:
    """A sentence for all that the original said about its picture and `out` does not."""
    turned = {"display matrix"} if drawn else set()  # what is drawn on was turned upright
    lost = described.picture_notes - turned - (describe(out).picture_notes if described.picture_notes else frozenset())
    return (f"What the original says of its picture ({note}) could not be kept." for note in sorted(lost))


def tag_sound(sound: SoundTrack, out: Path) -> None:
    """The sound as an .m4a of its own that says its language. Raises PermanentError `encoding_failed`."""
    layout = container.plan_sound(sound)
    graph = ffmpeg.output(source_of(sound.path)["a:0"], as_url(out), f="ipod", movflags="+faststart", **options(layout))
    run(graph, limits_for(0, sound.path.stat().st_size + OVERHEAD_BYTES), failure=TAGGING)


def _limits(original: Path, joining: Joining, seconds: float) -> Limits:
    sounds = sum(sound.path.stat().st_size for sound in (*joining.dubs, *joining.remade.values()))
    file_bytes = round(1.1 * original.stat().st_size + OVERHEAD_BYTES_PER_SECOND * seconds) + sounds + OVERHEAD_BYTES
    if joining.drawn is None:
        return limits_for(seconds, file_bytes)
    cpu_seconds = round(CPU_SECONDS_AT_LEAST + DRAWING_CPU_SECONDS_PER_SECOND * seconds)
    return Limits(cpu_seconds, MEMORY_BYTES, file_bytes + round(DRAWING_BYTES_PER_SECOND * seconds))


@contextmanager
def _in_files(chosen: Mapping[str, Any], out: Path) -> Iterator[dict[str, Any]]:
    """The options, with the long ones (`/name`) in files beside `out` as long as the block runs."""
    files: dict[str, Path] = {}
    try:
        for name in (name for name in chosen if name.startswith("/")):
            files[name] = out.with_name(f"{out.name}.{len(files)}.option")
            files[name].write_text(chosen[name], encoding="utf-8")
        yield {**chosen, **{name: str(path) for name, path in files.items()}}
    finally:
        for path in files.values():
            path.unlink(missing_ok=True)


def _muxing(original: Path, described: Description, out: Path, layout: Plan, chosen: Mapping[str, Any]) -> Any:
    # AVI has no presentation times; they follow from the decoding order.
    source = source_of(original, **({"fflags": "+genpts"} if described.formats == "avi" else {}))
    streams = [_stream(track, source) for track in layout.tracks]
    settings: dict[str, Any] = {
        "f": "matroska" if layout.container == "mkv" else "mp4",
        "map_metadata": _input_number(layout.tracks),
        "strict": "unofficial",  # Dolby Vision and 360° descriptions are written only so
        **chosen,
    }
    if layout.container != "mkv":
        settings["movflags"] = "+faststart"
    return on_the_clock(source, described, ffmpeg.output(*streams, as_url(out), **settings))


def _input_number(tracks: Sequence[Track]) -> int:
    """Which of ffmpeg's inputs the original is: they are numbered as they first appear."""
    return next(index for index, track in enumerate(tracks) if isinstance(track.source, int))


def _stream(track: Track, source: Any) -> Any:
    if isinstance(track.source, int):
        return source[str(track.source)]
    if isinstance(track.source, SubtitleTrack):
        return source_of(track.source.path, f="srt")["s:0"]
    return source_of(track.source.path)["a:0"]
