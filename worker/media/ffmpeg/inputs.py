"""What ffmpeg opens, and on which clock: local files of known formats, and PCM from a pipe."""

from pathlib import Path
from typing import Any

import ffmpeg

from shared.errors import PermanentError
from worker.media import console, container
from worker.media.console import Description
from worker.media.ffmpeg.process import UNREADABLE, Process, limits_for

FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,dv,eac3,flac,flv,live_flv,matroska,mov,mp3,mpeg,mpegts,mxf,nut,ogg,rm,srt,"
    "tta,w64,wav,wtv,wv"
)
PROTOCOLS = "file,pipe"


def as_url(path: Path) -> str:
    """The path as a URL, so that nothing in a name is taken for a protocol or an option."""
    return f"file:{path}"


def source_of(path: Path, **options: Any) -> Any:
    """A local file as an input, with the demuxers' own `options`."""
    return ffmpeg.input(as_url(path), protocol_whitelist=PROTOCOLS, format_whitelist=FORMATS, **options)


def pcm(rate: int, channels: int) -> Any:
    """Float32 PCM, interleaved, from standard input."""
    return ffmpeg.input("pipe:0", f="f32le", ar=rate, ac=channels, protocol_whitelist=PROTOCOLS)


def describe(path: Path) -> Description:
    """Open `path` and say what is in it. Raises PermanentError `media_unreadable`; TransientError."""
    source = source_of(path)
    graph = ffmpeg.output(source["v?"], source["a?"], "-", f="null", c="copy", t=0)
    with Process(graph, limits_for(0), failure=UNREADABLE, log="info") as process:
        try:
            process.finish()
        except PermanentError:  # to pass the streams on may fail; to open the file may not
            if console.description(process.lines) is None:
                raise
        described = console.description(process.lines)
    if described is None:
        raise PermanentError(*UNREADABLE)
    return described


def on_the_clock(source: Any, described: Description, output: Any, **options: Any) -> Any:
    """`output` on the clock of the whole file, where ffmpeg would count from the first of the streams in use only.

    A second output that goes nowhere puts every stream to use.
    """
    if not (described.clock and container.is_discontinuous(described.formats)):
        return output
    every = [source[str(index)] for index in described.clock]
    return ffmpeg.merge_outputs(output, ffmpeg.output(*every, "-", f="null", c="copy", **options))
