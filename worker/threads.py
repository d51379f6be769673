"""The same work on many things, some at a time, each thread with this one's log context."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def cores() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0))


def lanes(languages: int) -> int:
    """How many of a job's languages run side by side: memory and disk are bounded by the machine, not by the job."""
    return max(1, min(languages, cores()))


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
