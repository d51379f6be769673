"""How loud sound is, in blocks or in a file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ffmpeg

from worker.media import console
from worker.media.audio import Samples
from worker.media.console import Loudness
from worker.media.ffmpeg.inputs import pcm, source_of
from worker.media.ffmpeg.process import LONGEST_SECONDS, UNREADABLE, Process, limits_for, run

# Mono is measured as it is heard from two speakers, so that it compares with the stereo dub.
METER = "ebur128=dualmono=true:framelog=quiet"
PEAK_METER = f"{METER}:peak=true"


def loudness(blocks: Iterable[Samples], rate: int, *, peaks: bool = True) -> Loudness:
    """The loudness of consecutive blocks (n, channels) at `rate` Hz; without `peaks` in half the time."""
    remaining = iter(blocks)
    first = next(remaining, None)
    if first is None:
        return Loudness(None, None)
    graph = _measuring(pcm(rate, first.shape[1]), peaks=peaks)
    with Process(graph, limits_for(LONGEST_SECONDS), failure=UNREADABLE, log="info", feed=True) as process:
        process.write(first)
        for block in remaining:
            process.write(block)
        process.finish()
        return console.loudness(process.lines, peaks=peaks)


def file_loudness(path: Path) -> Loudness:
    """The loudness of a file's first sound as a player decodes it. Raises PermanentError `media_unreadable`."""
    return console.loudness(run(_measuring(source_of(path)["a:0"]), limits_for(LONGEST_SECONDS), log="info"))


def _measuring(sound: Any, *, peaks: bool = True) -> Any:
    return ffmpeg.output(sound, "-", f="null", af=PEAK_METER if peaks else METER)
