"""A lasting eSpeak process that speaks line after line, seen from ours: limited, dying with the thread it serves."""

import select
import subprocess
import sys
import time

import espeakng_loader

from shared.errors import PermanentError, TransientError
from shared.limited import Limits, command
from worker.engines.speech_synthesis import espeak_library
from worker.engines.speech_synthesis.espeak_library import ANSWER, REQUEST, USUAL_RATE, VOICE_NOT_FOUND

LIMITS = Limits(cpu_seconds=60, memory_bytes=1024**3)  # of each line, which has a process of its own


class Speaker:
    """Speaks for one thread at a time. The process starts with the first line, and anew after a failure."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def speak(self, text: bytes, voice: str, timeout: float, rate: float = 1.0) -> tuple[bytes, int]:
        """UTF-8 `text` in the library's voice `voice`, `rate` times as fast as usual: 16-bit mono samples, and how many
        there are in a second.

        Raises PermanentError `voice_not_found`, TransientError `synthesis_timed_out`, `synthesis_crashed`.
        """
        try:
            process = self._started()
            name, words_a_minute = voice.encode(), round(USUAL_RATE * rate)
            _send(process, REQUEST.pack(words_a_minute, len(name), len(text)) + name + text)
            deadline = time.monotonic() + timeout
            status, samples_a_second, size = ANSWER.unpack(_receive(process, ANSWER.size, deadline))
            samples = _receive(process, size, deadline)
        except TransientError:
            self.stop()
            raise
        except OSError as error:
            self.stop()
            raise _crashed() from error
        if status == VOICE_NOT_FOUND:
            raise PermanentError("voice_not_found", f"eSpeak cannot load its voice {voice!r}.")
        return samples, samples_a_second

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def __del__(self) -> None:
        self.stop()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.stop()
            paths = (espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
            script = [sys.executable, "-I", "-S", espeak_library.__file__, *paths]
            self._process = subprocess.Popen(
                command(script, LIMITS), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        return self._process


def _send(process: subprocess.Popen[bytes], message: bytes) -> None:
    assert process.stdin is not None
    while message:
        message = message[process.stdin.write(message) or 0 :]


def _receive(process: subprocess.Popen[bytes], size: int, deadline: float) -> bytes:
    assert process.stdout is not None
    parts = bytearray()
    while len(parts) < size:
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TransientError("synthesis_timed_out", "eSpeak took too long over a line.")
        part = process.stdout.read(min(size - len(parts), 1 << 20))
        if not part:
            raise _crashed()
        parts += part
    return bytes(parts)


def _crashed() -> TransientError:
    return TransientError("synthesis_crashed", "eSpeak ended unexpectedly over a line.")
