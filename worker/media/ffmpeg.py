"""Everything that ffmpeg does for us. The only module that composes its command lines and the only one that starts it.

Media is untrusted: demuxers are named one by one (a playlist could read other files), protocols are `file` and `pipe`,
CPU, memory and file size are limited, and user data never becomes part of a filter.
"""

import math
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import ffmpeg
import imageio_ffmpeg
import numpy as np

from shared import limited
from shared.errors import PermanentError
from shared.limited import Limits
from shared.videos.facts import MediaFacts
from worker.media import console, container
from worker.media import cut as cutting
from worker.media.audio import AuSound, Samples, exactly, write_flac
from worker.media.console import Description, Loudness
from worker.media.container import MuxReport, Plan, SubtitleTrack, Track, container_for

__all__ = [
    "RATE", "AacWriter", "Decoded", "Loudness", "MuxReport", "SubtitleTrack", "container_for", "cut", "decode_sound",
    "describe", "file_loudness", "limits_for", "loudness", "mux", "run", "sound_blocks",
]  # fmt: skip

RATE = 48_000
FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,dv,eac3,flac,flv,live_flv,matroska,mov,mp3,mpeg,mpegts,mxf,nut,ogg,rm,srt,"
    "tta,w64,wav,wtv,wv"
)
PROTOCOLS = "file,pipe"
# Mono is measured as it is heard from two speakers, so that it compares with the stereo dub.
METER = "ebur128=dualmono=true:framelog=quiet"
PEAK_METER = f"{METER}:peak=true"

MEMORY_BYTES = 4 * 1024**3
CPU_SECONDS_AT_LEAST = 120
CPU_SECONDS_PER_SECOND = 1.0
# For what is fed through a pipe, whose length is not known beforehand.
LONGEST_SECONDS = 12 * 3600.0
# What encoding a second of picture anew can take, of processor time and of disk.
CUT_CPU_SECONDS_PER_SECOND = 30.0
CUT_BYTES_PER_SECOND = 10_000_000
# What converted tracks and a container's tables can take at most, for each second and in any case.
OVERHEAD_BYTES_PER_SECOND = 200_000
OVERHEAD_BYTES = 64 * 1024**2
# Decoding goes on so far past the declared end; past the tolerance the declaration was wrong.
DECODE_PAST_END_SECONDS = 2.0
LONGER_THAN_DECLARED_SECONDS = 1.0
MISSING_SECONDS, MISSING_SHARE, MISSING_AT_LEAST_SECONDS = 2.0, 0.02, 0.25

KEPT_LINES = 500
LINE_BYTES = 2000

UNREADABLE = ("media_unreadable", "The file could not be read. It may be damaged, incomplete or of an unknown format.")
TRUNCATED = ("truncated", "The file is cut short: its sound breaks off long before its end. Upload it again.")
NO_AUDIO = ("no_audio", "The file has no sound that could be dubbed.")
MISMATCH = ("duration_mismatch", "The sound is longer than the file says it is. Export the video again.")
ENCODING = ("encoding_failed", "The dubbed sound could not be encoded.")
CUTTING = ("excerpt_failed", "The stretch that was asked for could not be cut out of this file.")
MUXING = ("mux_failed", "The dubbed sound could not be joined with this video.")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded sound: `samples` frames at `rate`; `decoded_seconds` is how long it was before padding or trimming."""

    samples: int
    rate: int
    channels: int
    decoded_seconds: float


class _Process:
    """A running ffmpeg, killed at the end of the block if it still runs; the last lines of its stderr are kept."""

    def __init__(
        self, graph: Any, limits: Limits, *, failure: tuple[str, str], log: str = "error", feed: bool = False
    ) -> None:
        start = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-nostats", "-hide_banner", "-loglevel", log, "-y"]
        self._failure = failure
        self._process = subprocess.Popen(
            limited.command(ffmpeg.compile(graph, cmd=start), limits),
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._reader = threading.Thread(target=self._keep_lines, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._ended()
        self.stdout.close()

    @property
    def stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def write(self, samples: Samples) -> None:
        """Feed PCM. Raises why ffmpeg ended, if it ended."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(np.ascontiguousarray(samples, "<f4").data.cast("B"))
        except BrokenPipeError as error:
            self.finish()
            raise PermanentError(*self._failure) from error

    def finish(self) -> None:
        """Wait for the end. Raises PermanentError or TransientError with ffmpeg's last lines as a note."""
        if code := self._ended():
            raise console.failure(code, self.lines, self._failure)

    def _ended(self) -> int:
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):  # it is gone already; its exit status says why
                self._process.stdin.close()
        code = self._process.wait()
        self._reader.join()
        return code

    def _keep_lines(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            while line := stderr.readline(LINE_BYTES):
                self.lines.append(line.decode(errors="replace").rstrip())


# Gets how much of the work is done, 0 to 1.
Told = Callable[[float], None]


def untold(_done: float) -> None:
    """Nobody asks how far it is."""


def run(
    graph: Any,
    limits: Limits,
    *,
    failure: tuple[str, str] = UNREADABLE,
    log: str = "error",
    seconds: float = 0.0,
    told: Told = untold,
) -> tuple[str, ...]:
    """Run an ffmpeg-python graph to its end; returns the last lines of its stderr.

    `told` how far it is, where `seconds` of output are to come (and nothing goes to ffmpeg's standard output).
    Raises PermanentError `failure` (code, sentence); TransientError `disk_full`, `media_tool_killed`.
    """
    if seconds:
        graph = graph.global_args("-progress", "pipe:1")
    with _Process(graph, limits, failure=failure, log=log) as process:
        for line in process.stdout if seconds else ():
            if (done := console.seconds_done(line.decode(errors="replace"))) is not None:
                told(min(1.0, done / seconds))
        process.finish()
        return tuple(process.lines)


def limits_for(seconds: float, file_bytes: int = 0) -> Limits:
    """What ffmpeg may take for `seconds` of media."""
    cpu_seconds = CPU_SECONDS_AT_LEAST + round(CPU_SECONDS_PER_SECOND * seconds)
    return Limits(cpu_seconds=cpu_seconds, memory_bytes=MEMORY_BYTES, file_bytes=file_bytes)


def describe(path: Path) -> Description:
    """Open `path` and say what is in it. Raises PermanentError `media_unreadable`; TransientError."""
    source = _source(path)
    graph = ffmpeg.output(source["v?"], source["a?"], "-", f="null", c="copy", t=0)
    with _Process(graph, limits_for(0), failure=UNREADABLE, log="info") as process:
        try:
            process.finish()
        except PermanentError:  # to pass the streams on may fail; to open the file may not
            if console.description(process.lines) is None:
                raise
        described = console.description(process.lines)
    if described is None:
        raise PermanentError(*UNREADABLE)
    return described


def decode_sound(
    original: Path, out: Path, *, stream_index: int, duration_seconds: float, told: Told = untold
) -> Decoded:
    """Decode a stream to 48 kHz 16-bit FLAC, mono or stereo, on the presentation clock, as long as the presentation.

    Raises PermanentError `media_unreadable`, `truncated`, `no_audio`, `duration_mismatch`; TransientError.
    """
    samples = round(duration_seconds * RATE)
    graph = _decoding(original, describe(original), stream_index, duration_seconds + DECODE_PAST_END_SECONDS)
    with _Process(graph, limits_for(duration_seconds), failure=UNREADABLE) as process:
        sound = AuSound(process.stdout)
        if sound.channels:
            write_flac(out, exactly(_telling(sound, samples, told), samples, sound.channels), RATE, sound.channels)
        decoded = Decoded(samples, RATE, sound.channels, sound.frames / RATE)
        _check_decoded(process, decoded, duration_seconds)
    return decoded


def sound_blocks(original: Path, *, stream_index: int, rate: int) -> Iterator[Samples]:
    """A stream as mono blocks (n,) of a second at `rate` Hz, on the presentation clock; stop whenever you like.

    Raises PermanentError `media_unreadable`; TransientError.
    """
    graph = _listening(original, describe(original), stream_index, rate)
    with _Process(graph, limits_for(LONGEST_SECONDS), failure=UNREADABLE) as process:
        while chunk := process.stdout.read(4 * rate):
            yield np.frombuffer(chunk[: len(chunk) // 4 * 4], "<f4").astype(np.float32)
        process.finish()


def cut(original: Path, facts: MediaFacts, out: Path, *, start: float, seconds: float, told: Told = untold) -> float:
    """Cut a stretch out of a file: the sound to the sample; returns where the stretch starts in fact (seconds).

    Where the start lies on a keyframe (within half a frame, to which it then moves) the picture's packets are copied,
    and the last of them may end a few frames late; elsewhere it is encoded anew, with no loss that is seen.
    Raises PermanentError `media_unreadable`, `excerpt_failed`; TransientError.
    """
    key = _keyframe(original, facts, start)
    start = start if key is None else key
    copied = facts.video is None or key is not None
    lead = cutting.run_up(facts, start)
    cpu_seconds = round(CPU_SECONDS_AT_LEAST + 2 * start + CUT_CPU_SECONDS_PER_SECOND * seconds)
    file_bytes = round(original.stat().st_size + OVERHEAD_BYTES + CUT_BYTES_PER_SECOND * seconds)
    limits = Limits(cpu_seconds=cpu_seconds, memory_bytes=MEMORY_BYTES, file_bytes=file_bytes)
    last = _first_dts_behind(original, facts, start + seconds) if copied else None
    planned = cutting.tracks(facts, copied=copied)
    options = cutting.options(planned, facts, seconds, lead, None if last is None else last - start)
    form = "matroska" if cutting.container_of(facts, copied=copied) == "mkv" else "mp4"
    graph = _cutting(original, planned, lead, out, start, f=form, t=f"{seconds:.6f}", strict="unofficial", **options)
    run(graph, limits, failure=CUTTING, seconds=seconds, told=told)
    return start


class AacWriter:
    """Encodes blocks of float32 (n, channels) into an .m4a, its priming in the edit list: sample 0 plays at 0 s."""

    def __init__(self, path: Path, *, rate: int = RATE, channels: int = 2, bitrate: int = 192_000) -> None:
        self._path = path
        self._channels = channels
        graph = _pcm(rate, channels).output(
            _file(path), f="ipod", acodec="aac", audio_bitrate=bitrate, aac_coder="fast", map_metadata=-1
        )
        file_bytes = OVERHEAD_BYTES + round(LONGEST_SECONDS * bitrate / 8 * 1.5)
        limits = limits_for(LONGEST_SECONDS, file_bytes)
        self._process = _Process(graph, limits, failure=ENCODING, feed=True)

    def __enter__(self) -> Self:
        return self

    def write(self, block: Samples) -> None:
        """Encode a block (n, channels). Raises PermanentError `encoding_failed`; TransientError."""
        if block.ndim != 2 or block.shape[1] != self._channels:
            raise ValueError(f"a block of shape (n, {self._channels}) was expected, not {block.shape}")
        self._process.write(block)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        finished = False
        try:
            with self._process:
                if kind is None:
                    self._process.finish()
                    finished = True
        finally:
            if not finished:
                self._path.unlink(missing_ok=True)


def loudness(blocks: Iterable[Samples], rate: int, *, peaks: bool = True) -> Loudness:
    """The loudness of consecutive blocks (n, channels) at `rate` Hz; without `peaks` in half the time."""
    remaining = iter(blocks)
    first = next(remaining, None)
    if first is None:
        return Loudness(None, None)
    graph = _measuring(_pcm(rate, first.shape[1]), peaks=peaks)
    with _Process(graph, limits_for(LONGEST_SECONDS), failure=UNREADABLE, log="info", feed=True) as process:
        process.write(first)
        for block in remaining:
            process.write(block)
        process.finish()
        return console.loudness(process.lines, peaks=peaks)


def file_loudness(path: Path) -> Loudness:
    """The loudness of a file's first sound as a player decodes it. Raises PermanentError `media_unreadable`."""
    return console.loudness(run(_measuring(_source(path)["a:0"]), limits_for(LONGEST_SECONDS), log="info"))


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
    run(graph, limits, failure=MUXING, seconds=facts.duration_seconds, told=told)
    return MuxReport(layout.warnings)


def _file(path: Path) -> str:
    """The path as a URL, so that nothing in a name is taken for a protocol or an option."""
    return f"file:{path}"


def _source(path: Path, **options: Any) -> Any:
    return ffmpeg.input(_file(path), protocol_whitelist=PROTOCOLS, format_whitelist=FORMATS, **options)


def _pcm(rate: int, channels: int) -> Any:
    return ffmpeg.input("pipe:0", f="f32le", ar=rate, ac=channels, protocol_whitelist=PROTOCOLS)


def _measuring(sound: Any, *, peaks: bool = True) -> Any:
    return ffmpeg.output(sound, "-", f="null", af=PEAK_METER if peaks else METER)


def _telling(sound: AuSound, samples: int, told: Told) -> Iterator[Any]:
    for block in sound:
        told(sound.frames / max(1, samples))
        yield block


def _decoding(original: Path, described: Description, stream_index: int, seconds: float) -> Any:
    source = _source(original)
    # Both layouts are offered: the nearest is taken, so mono stays mono and everything else is mixed down to stereo.
    sound = ffmpeg.output(
        source[str(stream_index)],
        "pipe:1",
        f="au",
        acodec="pcm_s16be",
        ar=RATE,
        af=f"{container.ON_THE_CLOCK},aformat=channel_layouts=mono|stereo",
        t=seconds,
        map_metadata=-1,
    )
    return _on_the_clock(source, described, sound, t=seconds)


def _on_the_clock(source: Any, described: Description, output: Any, **options: Any) -> Any:
    """`output` on the clock of the whole file, where ffmpeg would count from the first of the streams in use only.

    A second output that goes nowhere puts every stream to use.
    """
    if not (described.clock and container.is_discontinuous(described.formats)):
        return output
    every = [source[str(index)] for index in described.clock]
    return ffmpeg.merge_outputs(output, ffmpeg.output(*every, "-", f="null", c="copy", **options))


def _check_decoded(process: _Process, decoded: Decoded, duration_seconds: float) -> None:
    """Raises what is wrong with what was decoded: nothing at all, too much, or broken off."""
    missing = duration_seconds - decoded.decoded_seconds
    allowed = min(MISSING_SECONDS, max(MISSING_AT_LEAST_SECONDS, MISSING_SHARE * duration_seconds))
    try:
        process.finish()
    except PermanentError as error:
        if decoded.decoded_seconds and missing > allowed:
            raise PermanentError(*TRUNCATED) from error
        if any("matches no streams" in line for line in process.lines):
            raise PermanentError(*NO_AUDIO) from error
        raise
    if not decoded.decoded_seconds:
        raise PermanentError(*NO_AUDIO)
    if -missing > LONGER_THAN_DECLARED_SECONDS:
        raise PermanentError(*MISMATCH)
    if process.lines and missing > allowed:
        raise console.failure(0, process.lines, TRUNCATED)


def _listening(original: Path, described: Description, stream_index: int, rate: int) -> Any:
    source = _source(original)
    clock = f"{container.ON_THE_CLOCK},aformat=channel_layouts=mono"
    sound = ffmpeg.output(source[str(stream_index)], "pipe:1", f="f32le", ar=rate, ac=1, af=clock, map_metadata=-1)
    return _on_the_clock(source, described, sound)


def _keyframe(original: Path, facts: MediaFacts, start: float) -> float | None:
    """The time of the keyframe at `start`, give or take half a frame; None where there is none, or it can't be told."""
    if facts.video is None or start <= 0:
        return start if facts.video is None else 0.0
    half = cutting.half_frame(facts)
    found = next(_packets(original, facts, start + half), None) if cutting.is_indexed(facts) else None
    if found is None or abs(found.pts - start) > half:
        return None
    return math.ceil(found.pts * 1e6) / 1e6  # a seek to any earlier time would find the keyframe before it


def _first_dts_behind(original: Path, facts: MediaFacts, end: float) -> float | None:
    """The decoding time of the first of the picture's packets, in decoding order, that is shown at `end` or later."""
    if facts.video is None:
        return None
    packets = _packets(original, facts, end if cutting.is_indexed(facts) else 0.0)
    behind = (packet.dts for packet in packets if packet.pts >= end - cutting.half_frame(facts) / 2)
    return next(behind, None)


def _packets(original: Path, facts: MediaFacts, start: float) -> Iterator[console.Packet]:
    """The picture's packets, in decoding order, from the keyframe at or before `start` on."""
    assert facts.video is not None
    source = _source(original, **({"ss": f"{start:.6f}"} if start > 0 else {}))
    listing = ffmpeg.output(source[str(facts.video.index)], "pipe:1", f="framecrc", c="copy")
    graph = listing.global_args("-copyts", "-start_at_zero")
    with _Process(graph, limits_for(facts.duration_seconds), failure=UNREADABLE) as process:
        yield from console.packets(line.decode(errors="replace") for line in process.stdout)
        process.finish()


def _cutting(
    original: Path, planned: Sequence[Track], lead: cutting.RunUp, out: Path, start: float, **options: Any
) -> Any:
    described = describe(original)
    genpts = {"fflags": "+genpts"} if described.formats == "avi" else {}
    begins = {"copy": start, "libx264": start - lead.picture, "flac": start - lead.sound}
    inputs: dict[float, Any] = {}
    streams = []
    for track in planned:
        at = begins.get(track.codec, start)
        inputs.setdefault(at, _source(original, **genpts, **({"ss": f"{at:.6f}"} if at > 0 else {})))
        streams.append(inputs[at][str(track.source)])
    output = ffmpeg.output(*streams, _file(out), **options)
    return _on_the_clock(inputs[begins["flac"]], described, output) if begins["flac"] in inputs else output


def _muxing(original: Path, described: Description, dub: Path, out: Path, layout: Plan) -> Any:
    # AVI has no presentation times; they follow from the decoding order.
    source = _source(original, **({"fflags": "+genpts"} if described.formats == "avi" else {}))
    spoken = _source(dub)
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
    return _on_the_clock(source, described, ffmpeg.output(*streams, _file(out), **options))


def _stream(track: Track, source: Any, spoken: Any) -> Any:
    if isinstance(track.source, int):
        return source[str(track.source)]
    if isinstance(track.source, SubtitleTrack):
        return _source(track.source.path, f="srt")["s:0"]
    return spoken["a:0"]
