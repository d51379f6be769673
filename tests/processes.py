"""The worker tier as real processes: gunicorn as the Procfile starts it, the daemon's stand-in, and what they leave."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from pydantic import SecretStr

from local.sqsd import Daemon, Options
from shared.config import PREFIX, Settings

ROOT = Path(__file__).parents[1]

# A job's life at a hundredth of its ordinary pace.
QUICK: dict[str, Any] = {
    "lease_seconds": 2.0,
    "heartbeat_seconds": 0.4,
    "sweep_seconds": 1.0,
    "resend_seconds": 2.0,
    "backoff_seconds": 0.5,
    "backoff_cap_seconds": 2.0,
    "give_up_after_seconds": 3.0,
}


def environment(settings: Settings) -> dict[str, str]:
    """`settings` as the environment variables that a process reads them from."""
    values = {f"{PREFIX}{name.upper()}": _text(value) for name, value in settings if value not in (None, ())}
    bin_dir = str(Path(sys.executable).parent)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
        **values,
        "PATH": f"{bin_dir}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], Any], seconds: float = 30.0, what: str = "it") -> Any:
    """Wait for `condition` to become true, and return what it gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come within {seconds} s")


@dataclass
class Tier:
    """A running tier."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    killed: set[psutil.Process] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def descendants(self) -> list[psutil.Process]:
        """All that it started, directly or not."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def http_process(self) -> psutil.Process:
        """gunicorn's worker process: the parent of the jobs' children."""
        return until(lambda: psutil.Process(self.process.pid).children(), what="gunicorn's worker")[0]

    def job_processes(self) -> list[psutil.Process]:
        """The children that run jobs (the pipeline, not what it started)."""
        return [p for p in self.descendants() if "worker.run" in _command(p)]

    def kill(self, victim: psutil.Process, number: int = signal.SIGKILL) -> list[psutil.Process]:
        """Kill one process; all that it had started, to see whether they go too."""
        started = victim.children(recursive=True)
        victim.send_signal(number)
        return started


def process_name(process: psutil.Process) -> str:
    """The program's name, or nothing when it is gone."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def alive(processes: list[psutil.Process]) -> list[str]:
    """Those that still run (a zombie does not)."""
    return [
        _command(p)
        for p in processes
        if p.is_running() and _status(p) not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    ]


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return str(psutil.STATUS_DEAD)


@contextmanager
def tier(name: str, settings: Settings, log: Path) -> Iterator[Tier]:
    """`name` (web or worker) started by the Procfile's own script, ended at the end of the block."""
    port = free_port()
    variables = environment(settings) | {"ONEVOICE_TIER": name, "ONEVOICE_PORT": str(port)}
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["bash", ".platform/start"], cwd=ROOT, env=variables, stdout=output, stderr=output, start_new_session=True
        )
    running = Tier(process, port, log)
    try:
        until(lambda: _answers(running), 30, f"the {name} tier (see {log})")
        yield running
    finally:
        started = running.descendants()
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        until(lambda: not alive(started), 5, "the end of all that the tier started")


def _answers(running: Tier) -> bool:
    assert running.process.poll() is None, (
        f"it ended with {running.process.returncode}: {running.log.read_text()[-2000:]}"
    )
    try:
        return httpx.get(f"{running.url}/health", timeout=1).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def daemon(settings: Settings, app_url: str, connections: int = 2) -> Iterator[Daemon]:
    """The daemon's stand-in, posting the queue's messages to `app_url`."""
    running = Daemon(
        Options(
            queue_url=settings.sqs_queue_url,
            endpoint_url=settings.sqs_endpoint_url,
            app_url=app_url,
            http_path="/sqsd/messages",
            http_connections=connections,
            visibility_timeout=60,
            error_visibility_timeout=1,
            poll_seconds=1,
        )
    )
    running.start()
    yield running
    running.stop()
