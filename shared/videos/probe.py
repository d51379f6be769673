"""Look into an uploaded file without trusting it: a child process reads it through us, and may do nothing else."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from shared import log
from shared.config import MIB
from shared.errors import AppError, TransientError
from shared.limited import Limits, command
from shared.videos.facts import MediaFacts, Stream
from shared.videos.probe_source import ANSWER, REFUSED

READ_BYTES = 64 * MIB
WALL_SECONDS = 15.0
LIMITS = Limits(cpu_seconds=10, memory_bytes=512 * MIB, file_bytes=0, open_files=64)
CPU_USED_UP = 9.0  # of the ten that it may take: near enough to say that the limit ended it
FAULT = 1  # Python's exit code for an exception that nobody caught: a fault of ours, and no verdict on the file
AT_ONCE = 2
LONGEST_READ, LONGEST_LINE = MIB, 4 * MIB
PROJECT = Path(__file__).resolve().parents[2]
# No credentials, no paths; one heap, because each arena of the allocator costs 64 MiB of address space.
ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "PYTHONDONTWRITEBYTECODE": "1"}

Read = Callable[[int, int], bytes]

REJECTIONS = {
    "not_media": "This is not a video or sound file that can be read. Announce the original file as a new video.",
    "no_audio": "The file has no sound, so there is nothing to dub. Announce one with sound as a new video.",
    "picture_unreadable": "The file's picture is in a format that can't be read. Export it as H.264, as a new video.",
    "truncated": "The file ends before it should: it was probably cut off. Announce the whole file as a new video.",
}

_slots = threading.BoundedSemaphore(AT_ONCE)
_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Probed:
    """What the file says of itself, and a small JPEG of it, if one could be made."""

    facts: MediaFacts
    thumbnail: bytes | None


def probe(read: Read, size_bytes: int, *, thumbnail: bool = True) -> Probed:
    """Probe a file of `size_bytes`; `read(offset, length)` gives its bytes and may raise what it likes.

    At most 64 MiB are read in 15 s of wall time and 10 s of CPU. Raises AppError (422) `not_media`, `no_audio`,
    `picture_unreadable`, `truncated`; AppError (503) `probe_busy` when two run already; TransientError when the
    bytes came too slowly.
    """
    if not _slots.acquire(blocking=False):
        raise AppError("probe_busy", "Other files are being looked at. Try again shortly.", 503, retry_after=5)
    try:
        return _Conversation(read, size_bytes).hold(thumbnail=thumbnail)
    finally:
        _slots.release()


def rejection(code: str) -> AppError:
    """The refusal of a file, by one of the codes in REJECTIONS."""
    return AppError(code, REJECTIONS[code], 422)


@dataclass
class _Conversation:
    """One child's questions and our answers."""

    read: Read
    size_bytes: int
    spent_bytes: int = 0
    reading_seconds: float = 0.0
    heard: dict[str, Any] = field(default_factory=dict)

    def hold(self, *, thumbnail: bool) -> Probed:
        """Start the child, answer until it is done, and judge by what it said."""
        arguments = [sys.executable, "-s", "-m", "shared.videos.probe_child"]
        child = subprocess.Popen(
            command(arguments, LIMITS),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
            cwd=PROJECT,
        )
        # Not child.kill(), which may reap it, and with it what it took.
        timer = threading.Timer(WALL_SECONDS, os.kill, (child.pid, signal.SIGKILL))
        timer.start()
        try:
            self._answer(child, thumbnail=thumbnail)
        finally:
            timer.cancel()
            timer.join()
            os.kill(child.pid, signal.SIGKILL)
            cpu_seconds = _reaped(child)
        return self._judge(child.returncode, cpu_seconds)

    def _answer(self, child: subprocess.Popen[bytes], *, thumbnail: bool) -> None:
        assert child.stdin
        assert child.stdout
        try:
            _write(child.stdin, json.dumps({"size_bytes": self.size_bytes, "thumbnail": thumbnail}).encode() + b"\n")
            while line := child.stdout.readline(LONGEST_LINE):
                message = json.loads(line)
                self.heard |= message
                if "read" in message:
                    _write(child.stdin, self._range(*message["read"]))
        except (BrokenPipeError, ValueError, TypeError) as error:
            # It died, or it says what no child of ours would say: what was heard before stands.
            _log.warning("probe_child_broke_off", reason=repr(error))

    def _range(self, offset: int, length: int) -> bytes:
        if not (0 <= offset < self.size_bytes and 0 < length <= LONGEST_READ):
            raise ValueError(f"no such range: {offset}, {length}")
        if self.spent_bytes + length > READ_BYTES:
            return ANSWER.pack(REFUSED)
        self.spent_bytes += length
        started = time.monotonic()
        data = self.read(offset, length)
        self.reading_seconds += time.monotonic() - started
        return ANSWER.pack(len(data)) + data

    def _judge(self, returncode: int, cpu_seconds: float) -> Probed:
        if "facts" in self.heard:
            return _probed(self.heard)
        code = self.heard.get("error")
        if code is None and self.reading_seconds > WALL_SECONDS / 2:
            raise TransientError("storage_slow", "The file could not be read in time. Try again in a minute.")
        if code is None and returncode == -signal.SIGKILL and cpu_seconds < CPU_USED_UP:
            # Killed by the clock or by someone else: that says something about this machine and nothing of the file.
            raise TransientError("probe_interrupted", "The file could not be looked at in time. Try again in a minute.")
        if code is None and returncode == FAULT:
            _log.error("probe_child_failed", spent=self.spent_bytes)
            raise TransientError("probe_failed", "The file could not be looked at. If it happens again, tell us.")
        _log.info(
            "probe_rejected", code=code, reason=self.heard.get("reason"), returncode=returncode, spent=self.spent_bytes
        )
        raise rejection(code if code in REJECTIONS else "not_media")


def _reaped(child: subprocess.Popen[bytes]) -> float:
    """The CPU seconds that the child took; it is gone then, with its pipes."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    for pipe in (child.stdin, child.stdout):
        assert pipe
        with suppress(BrokenPipeError):
            pipe.close()
    return usage.ru_utime + usage.ru_stime


def _write(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(data)
    pipe.flush()


def _probed(heard: dict[str, Any]) -> Probed:
    facts = heard["facts"]
    streams = tuple(Stream(**stream) for stream in facts.pop("streams"))
    picture = heard.get("picture") or {"rotation": 0, "jpeg": "", "trouble": "the child ended"}
    if picture["trouble"]:
        _log.info("probe_without_thumbnail", reason=picture["trouble"])
    if picture["rotation"] in (90, 270):
        streams = tuple(_turned(stream) for stream in streams)
    return Probed(MediaFacts(streams=streams, **facts), base64.b64decode(picture["jpeg"]) or None)


def _turned(stream: Stream) -> Stream:
    shown = stream.kind == "video" and not stream.attached_picture
    return replace(stream, width=stream.height, height=stream.width) if shown else stream
