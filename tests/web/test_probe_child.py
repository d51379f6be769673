"""The probe's child can do nothing but read, and its end says nothing of the file but what it found."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from shared.errors import AppError, TransientError
from shared.videos import probe as probing
from shared.videos.probe import probe
from tests.web.counted import Counted

ROOT = Path(__file__).resolve().parents[2]


def test_the_child_can_open_nothing() -> None:
    script = """
import socket, sys
from shared.videos.probe_child import close_doors, leave_network
leave_network()
close_doors()
import os
for attempt in (lambda: open("/etc/passwd"), socket.socket, os.pipe, lambda: os.open("/", os.O_RDONLY)):
    try:
        attempt()
    except OSError as error:
        print(error.errno)
    else:
        print("opened")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["24"] * 4


def test_the_child_has_no_environment_and_no_network(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    seen: dict[str, str] = {}
    read = Counted(media / "clip.mp4")

    def spy(offset: int, length: int) -> bytes:
        if not seen:
            child = _child_of_this_process()
            seen["environment"] = Path(f"/proc/{child}/environ").read_text()
            seen["limits"] = Path(f"/proc/{child}/limits").read_text()
            seen["files"] = str(len(list(Path(f"/proc/{child}/fd").iterdir())))
            seen["network"] = str(Path(f"/proc/{child}/ns/net").readlink())
        return read(offset, length)

    probe(spy, read.path.stat().st_size)
    assert "AWS" not in seen["environment"]
    limits = {line[:25].strip(): line[25:].split() for line in seen["limits"].splitlines()}
    assert limits["Max cpu time"][0] == "10"
    assert limits["Max address space"][0] == str(512 * 1024 * 1024)
    assert limits["Max open files"][:2] == ["0", "0"]
    assert int(seen["files"]) == 3
    if _may_unshare():
        assert seen["network"] != str(Path("/proc/self/ns/net").readlink())


def _child_of_this_process() -> int:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        if b"shared.videos.probe_child" in entry.read_bytes():
            status = (entry.parent / "status").read_text()
            if f"PPid:\t{os.getpid()}\n" in status:
                return int(entry.parent.name)
    raise AssertionError("no child")


def _may_unshare() -> bool:
    return subprocess.run(["unshare", "--user", "--net", "true"], capture_output=True).returncode == 0


def test_two_at_a_time(media: Path) -> None:
    path, hold, inside = media / "clip.mp4", threading.Event(), threading.Semaphore(0)
    read = Counted(path)

    def slow(offset: int, length: int) -> bytes:
        inside.release()
        hold.wait(60)
        return read(offset, length)

    running = [threading.Thread(target=probe, args=(slow, path.stat().st_size)) for _ in range(2)]
    for thread in running:
        thread.start()
    for _ in running:
        assert inside.acquire(timeout=60)
    with pytest.raises(AppError) as caught:
        Counted(path).probed()
    hold.set()
    for thread in running:
        thread.join()
    assert (caught.value.code, caught.value.status, caught.value.retry_after) == ("probe_busy", 503, 5)
    assert Counted(path).probed().facts.audio


def test_slow_bytes_are_transient(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "WALL_SECONDS", 0.6)
    with pytest.raises(TransientError, match="in time"):
        probe(lambda offset, length: time.sleep(1) or b"", (media / "clip.mp4").stat().st_size)  # type: ignore[func-returns-value]


def test_a_failure_to_read_comes_through(media: Path) -> None:
    def fails(offset: int, length: int) -> bytes:
        raise TransientError("storage_unavailable", "away")

    with pytest.raises(TransientError, match="away"):
        probe(fails, 1000)
    assert Counted(media / "clip.mp4").probed(), "its place is free again"


def test_a_child_killed_from_outside_is_no_verdict_on_the_file(tmp_path):
    """Load, or the kernel short of memory, must not condemn a good file."""
    started = threading.Event()

    def killed(*_: int) -> bytes:
        for child in psutil.Process().children(recursive=True):
            if "probe_child" in " ".join(child.cmdline()):
                child.kill()
        started.set()
        return b"\0" * 10

    with pytest.raises(TransientError) as caught:
        probe(killed, 1000)
    assert started.is_set()
    assert caught.value.code == "probe_interrupted"


def test_a_fault_of_ours_is_no_verdict_on_the_file():
    """The child dies of an exception when its request makes no sense."""
    with pytest.raises(TransientError) as caught:
        probe(lambda *_: b"", "not a size")  # type: ignore[arg-type]
    assert caught.value.code == "probe_failed"
