"""The job's child process, seen from its parent: start it, wait for it, end it with all that it started."""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shared import limited
from shared.config import Settings
from shared.dubbing.jobs import Claim

EX_TEMPFAIL = 75  # sysexits.h: try again later
OPEN_FILES = 1024


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code (negative: the signal that killed it) and the trouble it wrote, if any."""

    code: int
    trouble: dict[str, Any] | None


class Child:
    """`python -m worker.run <job_id>` in a session of its own, under limits, dying with this thread's process."""

    def __init__(self, held: Claim, settings: Settings) -> None:
        limits = limited.Limits(
            cpu_seconds=int(settings.job_cap_seconds * (os.cpu_count() or 1)) + 1,
            memory_bytes=settings.job_memory_bytes,
            open_files=OPEN_FILES,
        )
        self._process = subprocess.Popen(
            limited.command([sys.executable, "-m", "worker.run", str(held.job_id)], limits),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self._pidfd = os.pidfd_open(self._process.pid)
            self._tell(held)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def _tell(self, held: Claim) -> None:
        """Hand over the lease's token; through a pipe, for a command line can be read by anyone."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it died already, which wait() will say
            self._process.stdin.write(
                json.dumps({"lease_token": str(held.lease_token), "attempt": held.attempt}).encode()
            )
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


def _trouble(output: bytes) -> dict[str, Any] | None:
    """What the child wrote before it ended with EX_TEMPFAIL."""
    try:
        document = json.loads(output)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
