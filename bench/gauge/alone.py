"""A part by itself, in a process of its own, so that its memory is its own."""

import ctypes
import multiprocessing
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil

from bench.gauge.memory import Sampler

LONGEST_REPEATED_SECONDS = 5.0
INTERVAL_SECONDS = 0.05
# glibc's M_ARENA_MAX and what worker/run.py sets it to, without all that it imports.
ARENA_MAX, ARENAS = -8, 2
CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)


@dataclass(frozen=True)
class Ran:
    """The fastest run's seconds and processor seconds, and the most memory of all (PSS, bytes); children included."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def alone(function: Callable[..., object], *arguments: object, runs: int = 3) -> Ran:
    """Call `function` up to `runs` times, no more once 5 s are spent; the fastest counts.

    Raises RuntimeError when it fails; its traceback is on standard error.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_run, args=(theirs, function, arguments, runs))
    child.start()
    theirs.close()
    assert child.pid is not None
    process = psutil.Process(child.pid)
    with Sampler(lambda: process, INTERVAL_SECONDS) as sampler:
        try:
            seconds, cpu_seconds = ours.recv()
        except EOFError:
            raise RuntimeError(f"{function.__name__} failed") from None
        except KeyboardInterrupt:
            child.kill()
            raise
        finally:
            child.join()
    return Ran(seconds, cpu_seconds, sampler.peak())


def _run(connection: Connection, function: Callable[..., Any], arguments: tuple[Any, ...], runs: int) -> None:
    libc = ctypes.CDLL(None)
    libc.mallopt(ARENA_MAX, ARENAS)  # as in a job's process, which has threads too
    libc.prctl(CHILD_SUBREAPER, 1)  # what a killed leader leaves is counted here, too
    spent: list[tuple[float, float]] = []
    while len(spent) < runs and sum(seconds for seconds, _ in spent) < LONGEST_REPEATED_SECONDS:
        began, used = time.perf_counter(), _cpu_seconds()
        function(*arguments)
        seconds = time.perf_counter() - began
        _wait_for_orphans()
        spent.append((seconds, _cpu_seconds() - used))
    time.sleep(2 * INTERVAL_SECONDS)  # so that even what does nothing is seen once
    connection.send(min(spent))


def _wait_for_orphans() -> None:
    """They die with their leader, a moment after it."""
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    return sum(os.times()[:4])
