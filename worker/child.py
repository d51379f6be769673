"""A child process, seen from its parent: start it, wait for it, end it with all that it started."""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared import limited
from shared.config import Settings
from shared.dubbing.leases import Claim
from shared.limited import Limits

EX_TEMPFAIL = 75  # sysexits.h: try again later
OPEN_FILES = 1024


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code (negative: the signal that killed it) and the trouble it wrote, if any."""

    code: int
    trouble: dict[str, Any] | None


class Child:
    """`python -m <module> <subject>` in a session of its own, under limits, dying with this thread's process.

    `told` goes to its standard input as JSON: a command line can be read by anyone.
    """

    def __init__(self, module: str, subject: UUID, told: dict[str, Any], limits: Limits) -> None:
        self._process = subprocess.Popen(
            limited.command([sys.executable, "-m", module, str(subject)], limits),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self._pidfd = os.pidfd_open(self._process.pid)
            self._tell(told)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def _tell(self, told: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it died already, which wait() will say
            self._process.stdin.write(json.dumps(told).encode())
            self._process.stdin.close()

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended, at most `seconds`; whether it has. It is not reaped yet."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def end(self) -> Ended:
        """End it and everything in its session that is still there, and reap it."""
        # Before reaping: while the zombie stands, its number can't belong to anyone else.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        output = self._process.stdout.read() if self._process.stdout else b""
        code = self._process.wait()
        os.close(self._pidfd)
        if self._process.stdout:
            self._process.stdout.close()
        return Ended(code, _trouble(output))


def job_child(held: Claim, settings: Settings) -> Child:
    """The child that runs a job."""
    limits = Limits(
        cpu_seconds=int(settings.job_cap_seconds * (os.cpu_count() or 1)) + 1,
        memory_bytes=settings.job_memory_bytes,
        open_files=OPEN_FILES,
    )
    return Child("worker.run", held.job_id, lease(held.lease_token, held.attempt), limits)


def lease(token: UUID, attempt: int) -> dict[str, Any]:
    """What a child is told of the lease that it works under."""
    return {"lease_token": str(token), "attempt": attempt}


def _trouble(output: bytes) -> dict[str, Any] | None:
    """What the child wrote before it ended with EX_TEMPFAIL."""
    try:
        document = json.loads(output)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
