"""One Apertium mode as a chain of resident processes: a sentence in, a sentence out, in milliseconds.

Every stage of the `.mode` file runs with `-z`: a NUL ends a message, and each stage answers it at once
(https://wiki.apertium.org/wiki/Daemon).
"""

import os
import re
import select
import shlex
import subprocess
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from shared.errors import TransientError
from shared.limited import Limits, command

MEMORY_BYTES = 1024**3
# Ends every message: the full stop gives the taggers a sentence end, and the empty blank keeps it apart from the text.
_END = ".[][\n]"
_SPECIAL = re.compile(r"([\[\]^$/<>@\\{}])")
_ESCAPED = re.compile(r"\\(.)")


class Pipeline:
    """The processes of one mode. Not for several threads at once."""

    def __init__(self, mode: Path) -> None:
        self._stages = stages(mode.read_text("utf-8"))
        self._processes: list[subprocess.Popen[bytes]] = []

    def translate(self, text: str, timeout: float) -> str:
        """`text` (one line of at most a few thousand characters) translated.

        Raises TransientError `translation_timed_out`, `translation_crashed`; the processes then start anew next time.
        """
        try:
            self._start()
            self._send((_SPECIAL.sub(r"\\\1", text) + _END + "\0").encode())
            answer = self._receive(time.monotonic() + timeout)
        except TransientError:
            self.stop()
            raise
        except OSError as error:
            self.stop()
            raise TransientError("translation_crashed", f"Apertium ended unexpectedly ({error}).") from error
        return _ESCAPED.sub(r"\1", answer.removesuffix(_END))

    def stop(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        self._processes = []

    def __del__(self) -> None:
        self.stop()

    def _start(self) -> None:
        if self._processes and all(process.poll() is None for process in self._processes):
            return
        self.stop()
        source: int = subprocess.PIPE
        for stage in self._stages:
            process = subprocess.Popen(
                command(stage, Limits(memory_bytes=MEMORY_BYTES)),
                stdin=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
            )  # fmt: skip
            self._processes.append(process)
            assert process.stdout is not None
            source = process.stdout.fileno()
        for earlier, _ in pairwise(self._processes):
            assert earlier.stdout is not None
            earlier.stdout.close()  # the next stage has it; ours would keep it open after that stage's end

    def _send(self, message: bytes) -> None:
        pipe = self._processes[0].stdin
        assert pipe is not None
        while message:
            message = message[pipe.write(message) or 0 :]

    def _receive(self, deadline: float) -> str:
        pipe = self._processes[-1].stdout
        assert pipe is not None
        answer = b""
        while not answer.endswith(b"\0"):
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TransientError("translation_timed_out", "Apertium took too long over a line.")
            part = os.read(pipe.fileno(), 65_536)
            if not part:
                raise TransientError("translation_crashed", "Apertium ended unexpectedly.")
            answer += part
        return answer[:-1].decode("utf-8", "replace")


def stages(mode: str) -> list[list[str]]:
    """The argument lists of a `.mode` file's stages, each flushing on NUL; `$1` is generation without marks (`-n`)."""
    found = []
    for stage in mode.strip().split("|"):
        program, *arguments = shlex.split(stage)
        found.append([program, "-z", *_filled(arguments)])
    return found


def _filled(arguments: Sequence[str]) -> list[str]:
    return ["-n" if argument == "$1" else argument for argument in arguments if argument != "$2"]
