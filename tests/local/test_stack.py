"""The whole stack as people start it: one at a time, and nothing left behind however it ends."""

import json
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from local.processes import claimed_port, free_port
from local.stack import procfile_command

START_SECONDS = 120


def start(folder: Path) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-m", "local.stack", "--folder", str(folder)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def logs(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text()[-1500:] for path in (folder / "logs").glob("*.log")}


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """A stack that is up, and all its processes; whatever is left of them is killed at the end."""
    stack = start(folder)
    assert stack.stdout
    said: list[str] = []
    for line in iter(stack.stdout.readline, ""):
        said.append(line)
        if line.startswith("OneVoice is at "):
            break
    else:
        pytest.fail(f"the stack ended before it was up: {said} {logs(folder)}")
    family = psutil.Process(stack.pid).children(recursive=True)
    try:
        yield stack, family
    finally:
        for process in (*family, psutil.Process(stack.pid)) if stack.poll() is None else family:
            if process.is_running():
                process.kill()
        stack.wait()


def assert_gone(family: list[psutil.Process], seconds: float) -> None:
    _, alive = psutil.wait_procs(family, timeout=seconds)
    assert not [process.cmdline() for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def called(process: psutil.Process) -> str:
    """How it was called; nothing for one that is gone: not all that a stack starts goes on."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_however_it_ends_no_process_is_left(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as (stack, family):
        names = " ".join(map(called, family))
        assert all(part in names for part in ("postgres", "local.objects", "web.wsgi", "worker.wsgi", "local.sqsd"))
        time.sleep(0.5)
        stack.send_signal(number)
        assert stack.wait(60) == (-9 if number is signal.SIGKILL else 0)
        assert_gone(family, 10 if number is signal.SIGKILL else 0.5)


@pytest.mark.long
def test_a_second_one_says_that_the_first_is_running(tmp_path: Path) -> None:
    with running(tmp_path):
        second = start(tmp_path)
        said, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert "running already, at http://127.0.0.1:" in said
    secrets = tmp_path / "secrets.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert set(json.loads(secrets.read_text())) == {"jwt_secret", "email", "password"}


def test_a_taken_port_gives_another() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        usual = taken.getsockname()[1]
        assert free_port(usual) != usual


def test_of_two_who_claim_a_port_that_is_still_free_each_has_its_own() -> None:
    with ExitStack() as one, ExitStack() as other:
        usual = claimed_port(free_port(0), one)
        assert claimed_port(usual, other) != usual
    with ExitStack() as later:
        assert claimed_port(usual, later) == usual


def test_the_tiers_start_as_the_procfile_starts_them() -> None:
    assert procfile_command() == ["bash", ".platform/start"]
