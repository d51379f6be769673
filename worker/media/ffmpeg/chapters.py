"""A file's chapters, moved to another clock."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import ffmpeg

from worker.media.ffmpeg.inputs import source_of
from worker.media.ffmpeg.process import UNREADABLE, Process, limits_for

HEAD = ";FFMETADATA1"
_UNIT = 1000  # milliseconds


def moved_chapters(original: Path, at: Callable[[Iterable[float]], Sequence[float]], out: Path) -> Path:
    """Write the chapters of `original`, their times (seconds) mapped by `at`, as ffmetadata; returns `out`.

    Raises PermanentError `media_unreadable`; TransientError.
    """
    graph = ffmpeg.output(source_of(original), "pipe:1", f="ffmetadata")
    with Process(graph, limits_for(0), failure=UNREADABLE) as process:
        text = process.stdout.read().decode(errors="replace")
        process.finish()
    out.write_text("\n".join([HEAD, *_moved(text, at)]) + "\n", encoding="utf-8")
    return out


def _moved(text: str, at: Callable[[Iterable[float]], Sequence[float]]) -> Iterator[str]:
    for block in text.split("[CHAPTER]")[1:]:
        known = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        above, below = map(int, known["TIMEBASE"].split("/"))
        start, end = at(int(known[name]) * above / below for name in ("START", "END"))
        yield from ("[CHAPTER]", f"TIMEBASE=1/{_UNIT}", f"START={round(start * _UNIT)}", f"END={round(end * _UNIT)}")
        yield from (line for line in block.splitlines() if not line.startswith(("TIMEBASE=", "START=", "END=")))
