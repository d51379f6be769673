"""A part by itself, in a process of its own, so that its memory is its own."""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil

from bench.gauge.memory import Sampler

LONGEST_REPEATED_SECONDS = 5.0


@dataclass(frozen=True)
class Ran:
    """How long it took at best (seconds) and the most memory (PSS, bytes) that it and its children took."""

    seconds: float
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
    with Sampler(lambda: process) as sampler:
        try:
            seconds = float(ours.recv())
        except EOFError:
            raise RuntimeError(f"{function.__name__} failed") from None
        finally:
            child.join()
    return Ran(seconds, sampler.peak())


def _run(connection: Connection, function: Callable[..., Any], arguments: tuple[Any, ...], runs: int) -> None:
    spent: list[float] = []
    while len(spent) < runs and sum(spent) < LONGEST_REPEATED_SECONDS:
        began = time.perf_counter()
        function(*arguments)
        spent.append(time.perf_counter() - began)
    time.sleep(0.3)  # the sampler's last look, for what ends before its first
    connection.send(min(spent))
