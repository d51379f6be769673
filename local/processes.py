"""The stack's processes: each in its own session, dying with this one, with a log of its own."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from itertools import repeat
from pathlib import Path

from shared.limited import Limits, command

ROOT = Path(__file__).resolve().parents[1]
POLL_SECONDS = 0.1
CLAIMS = 20  # how often another port is tried


class StackError(Exception):
    """The local stack can't start; the message is one sentence for the person at the terminal."""


class Child:
    """A running process of the stack."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        log: Path,
        environment: Mapping[str, str],
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_seconds: float = 5,
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        self._grace = grace_seconds
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                list(arguments),
                env=dict(environment),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id, and its group's."""
        return self._process.pid

    def wait_until(self, ready: Callable[[], bool], timeout_seconds: float = 60) -> None:
        """Return once `ready()`. Raises StackError, naming the log, when the process ends first or time runs out."""
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            if self._process.poll() is not None:
                raise StackError(f"{self.name} ended with exit code {self._process.returncode}; see {self.log}")
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} was not ready within {timeout_seconds:.0f} s; see {self.log}")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Ask it to end, then end whatever is left of its session's group."""
        if self._process.poll() is None:
            self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(self._grace)
            except subprocess.TimeoutExpired:
                print(f"{self.name} did not end within {self._grace:.0f} s and is killed.", file=sys.stderr)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def limited(*arguments: str) -> list[str]:
    """The command line that runs `arguments` so that they die with this process."""
    return command(arguments, Limits())


def inherited() -> dict[str, str]:
    """This process's environment, to hand on to a child; nothing is read from it here."""
    return dict(os.environ)


def free_port(usual: int) -> int:
    """`usual` if nothing has it on 127.0.0.1, else any free one."""
    for port in (usual, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StackError("There is no free port on 127.0.0.1.")


def claimed_port(usual: int, claims: ExitStack) -> int:
    """`free_port`, and no other who claims gets it until `claims` closes, though nothing listens there yet."""
    for first in (usual, *repeat(0, CLAIMS)):
        port = free_port(first)
        try:
            claim = claims.enter_context((Path(tempfile.gettempdir()) / f"onevoice-port-{port}.lock").open("a"))
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # BlockingIOError, or another user's file
            continue
        return port
    raise StackError("There is no free port on 127.0.0.1.")
