"""The memory of a process and all that it started: proportional set size, so that what they share counts once."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import psutil

INTERVAL_SECONDS = 0.2


def pss_bytes(pid: int) -> int:
    """The proportional set size of one process; 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0


def tree_bytes(root: psutil.Process) -> int:
    """The proportional set size of a process and its descendants."""
    try:
        return sum(pss_bytes(process.pid) for process in (root, *root.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


class Sampler:
    """Between `__enter__` and `__exit__`: what the process that `find` finds takes, at intervals."""

    def __init__(self, find: Callable[[], psutil.Process | None], interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._find = find
        self._interval = interval_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.samples: list[tuple[float, int]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def peak(self, start: float = 0.0, end: float = float("inf")) -> int:
        """The most bytes seen from `start` to `end` (Unix seconds); 0 when nothing was seen."""
        return max((size for at, size in self.samples if start <= at <= end), default=0)

    def _sample(self) -> None:
        while not self._stop.wait(self._interval):
            root = self._find()
            if root is not None:
                self.samples.append((time.time(), tree_bytes(root)))


def job_process(worker_pid: int) -> psutil.Process | None:
    """The job's child among the worker tier's processes, if one runs."""
    for process in psutil.Process(worker_pid).children(recursive=True):
        try:
            if "worker.run" in process.cmdline():
                return process
        except psutil.NoSuchProcess:
            continue
    return None
