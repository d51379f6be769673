"""A running ffmpeg: its limits, what it says, and what its end means."""

import subprocess
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

import ffmpeg
import imageio_ffmpeg
import numpy as np

from shared import limited
from shared.errors import PermanentError
from shared.limited import Limits
from worker.media import console
from worker.media.audio import Samples

MEMORY_BYTES = 4 * 1024**3
CPU_SECONDS_AT_LEAST = 120
CPU_SECONDS_PER_SECOND = 1.0
# For what is fed through a pipe, whose length is not known beforehand.
LONGEST_SECONDS = 12 * 3600.0
# What a container's tables and converted streams can take in any case.
OVERHEAD_BYTES = 64 * 1024**2

KEPT_LINES = 500
LINE_BYTES = 2000

UNREADABLE = ("media_unreadable", "The file could not be read. It may be damaged, incomplete or of an unknown format.")

# Gets how much of the work is done, 0 to 1.
Told = Callable[[float], None]


def untold(_done: float) -> None:
    """Nobody asks how far it is."""


class Process:
    """A running ffmpeg, killed at the end of the block if it still runs; the last lines of its stderr are kept."""

    def __init__(
        self,
        graph: Any,
        limits: Limits,
        *,
        failure: tuple[str, str],
        log: str = "error",
        feed: bool = False,
        chapters: Path | None = None,
    ) -> None:
        start = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-nostats", "-hide_banner", "-loglevel", log, "-y"]
        self._failure = failure
        self._process = subprocess.Popen(
            limited.command(_with_chapters(ffmpeg.compile(graph, cmd=start), chapters), limits),
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
        """What ffmpeg writes to its standard output."""
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


def run(
    graph: Any,
    limits: Limits,
    *,
    failure: tuple[str, str] = UNREADABLE,
    log: str = "error",
    seconds: float = 0.0,
    told: Told = untold,
    chapters: Path | None = None,
) -> tuple[str, ...]:
    """Run an ffmpeg-python graph to its end; returns the last lines of its stderr.

    `told` how far it is, where `seconds` of output are to come (and nothing goes to ffmpeg's standard output).
    The output gets the `chapters` of an ffmetadata file, where there is one.
    Raises PermanentError `failure` (code, sentence); TransientError `disk_full`, `media_tool_killed`.
    """
    if seconds:
        graph = graph.global_args("-progress", "pipe:1")
    with Process(graph, limits, failure=failure, log=log, chapters=chapters) as process:
        for line in process.stdout if seconds else ():
            if (done := console.seconds_done(line.decode(errors="replace"))) is not None:
                told(min(1.0, done / seconds))
        process.finish()
        return tuple(process.lines)


def limits_for(seconds: float, file_bytes: int = 0) -> Limits:
    """What ffmpeg may take for `seconds` of media."""
    cpu_seconds = CPU_SECONDS_AT_LEAST + round(CPU_SECONDS_PER_SECOND * seconds)
    return Limits(cpu_seconds=cpu_seconds, memory_bytes=MEMORY_BYTES, file_bytes=file_bytes)


def _with_chapters(command: list[str], chapters: Path | None) -> list[str]:
    """The command with one more input, which has no streams: a graph can't say that."""
    if chapters is None:
        return command
    first_output = command.index("-map")
    number = command[:first_output].count("-i")
    metadata = ["-f", "ffmetadata", "-protocol_whitelist", "file", "-i", f"file:{chapters}"]
    return [*command[:first_output], *metadata, "-map_chapters", str(number), *command[first_output:]]
