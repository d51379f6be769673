"""A file's chapters, moved to another clock."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import ffmpeg

from worker.media.ffmpeg.inputs import source_of
from worker.media.ffmpeg.process import UNREADABLE, Process, limits_for

HEAD = ";FFMETADATA1"
_UNIT = 1000  # milliseconds
_TIMES = ("TIMEBASE", "START", "END")


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
    for block in _blocks(text):
        known = dict(line.split("=", 1) for line in reversed(block) if "=" in line)  # ffmpeg's own come first
        above, below = map(int, known["TIMEBASE"].split("/"))
        start, end = at(int(known[name]) * above / below for name in ("START", "END"))
        yield from ("[CHAPTER]", f"TIMEBASE=1/{_UNIT}", f"START={round(start * _UNIT)}", f"END={round(end * _UNIT)}")
        yield from block[len(_TIMES) :]


def _blocks(text: str) -> Iterator[list[str]]:
    """The lines of each chapter, the three that say its times first. A title may hold anything, line ends escaped."""
    lines = re.split(r"(?<!\\)((?:\\\\)*)\n", text)
    whole = ["".join(pair) for pair in zip(lines[::2], [*lines[1::2], ""], strict=True)]
    block: list[str] | None = None
    for line in whole:
        if line == "[CHAPTER]":
            if block:
                yield block
            block = []
        elif block is not None and line:
            block.append(line)
    if block:
        yield block
