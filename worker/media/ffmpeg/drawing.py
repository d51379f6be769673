"""Subtitles drawn into the picture by libass, in the fonts that this machine has."""

import re
from pathlib import Path

import ffmpeg

from shared.videos.facts import MediaFacts
from worker.media.ffmpeg.process import limits_for, run

FAILED = ("mux_failed", "The subtitles could not be drawn.")
_MISSING = re.compile(r"failed to find any fallback with glyph 0x([0-9A-Fa-f]+)")


def drawing(subtitles: Path, facts: MediaFacts) -> str:
    """The filter that draws an ASS file of ours into a picture, of even width and height."""
    odd = facts.video is not None and ((facts.video.width or 0) % 2 or (facts.video.height or 0) % 2)
    drawn = f"subtitles=filename={_escaped(str(subtitles))}"
    return f"pad=ceil(iw/2)*2:ceil(ih/2)*2,{drawn}" if odd else drawn


def missing_letters(subtitles: Path) -> str:
    """Letters that no font here has, of those in the first second of an ASS file of ours; "" when all is well."""
    canvas = ffmpeg.input("color=size=640x360:rate=2:duration=1", f="lavfi")
    graph = ffmpeg.output(canvas, "-", f="null", vf=drawing(subtitles, MediaFacts("", 1.0, ())))
    found = (_MISSING.search(line) for line in run(graph, limits_for(1), failure=FAILED, log="info"))
    return "".join(sorted({chr(int(match[1], 16)) for match in found if match}))


def _escaped(value: str) -> str:
    """As an option's value within a filter within a graph: ffmpeg reads it twice."""
    for special in ("\\':", "\\'[],;"):
        value = "".join(f"\\{character}" if character in special else character for character in value)
    return value
