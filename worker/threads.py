"""The same work on many things, some at a time, each thread with this one's log context."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def cores() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0))


def lanes(languages: int) -> int:
    """How many of a job's languages run side by side: memory and disk are bounded by the machine, not by the job."""
    return max(1, min(languages, cores()))


def ahead(items: Iterable[Item], count: int = 4) -> Iterator[Item]:
    """`items`, up to `count` of them taken before they are asked for, in a thread; what it raises is raised in turn.

    For what leaves the interpreter alone while it works: reading a file, numpy on whole blocks.
    """
    remaining = iter(items)
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[Future[list[Item]]] = deque(pool.submit(_next, remaining) for _ in range(count))
        try:
            while item := waiting.popleft().result():
                waiting.append(pool.submit(_next, remaining))
                yield item[0]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _next(items: Iterator[Item]) -> list[Item]:
    """The next item; none at the end."""
    return list(islice(items, 1))


def side_by_side(work: Callable[[Item], Made], items: Sequence[Item], threads: int) -> Iterator[Made]:
    """`work` on each of `items`, at most `threads` at once; the results in order.

    What `work` raises is raised when its turn comes; then nothing more is begun, and what runs is waited for.
    """
    with ThreadPoolExecutor(max(1, threads)) as pool:
        try:
            for future in [pool.submit(copy_context().run, work, item) for item in items]:
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def beside(work: Callable[[threading.Event], Made]) -> Iterator[Future[Made]]:
    """`work` in a thread of its own while the block runs; the block's end waits for it.

    What `work` gets is set when the block fails: nobody wants its result any more.
    """
    unwanted = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        try:
            yield pool.submit(copy_context().run, work, unwanted)
        except BaseException:
            unwanted.set()
            raise
