"""How fast a provider may be asked: so many requests at once, and so many a minute."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Pace:
    """At most `concurrency` calls at once, begun at most at `per_minute` with as many in a rush as fit side by side.

    The rate is the generic cell rate algorithm (a leaky bucket without a queue). For several threads.
    """

    def __init__(
        self,
        concurrency: int,
        per_minute: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._places = threading.BoundedSemaphore(concurrency)
        self._interval = 60.0 / per_minute
        self._rush = self._interval * (concurrency - 1)
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._due = float("-inf")

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a place and for the rate; the place is ours until the end of the block."""
        with self._places:
            wait = self._wait()
            if wait > 0:
                self._sleep(wait)
            yield

    def _wait(self) -> float:
        with self._lock:
            now = self._clock()
            due = max(self._due, now - self._rush)
            self._due = due + self._interval
            return due - now
