"""A circuit breaker: a provider that keeps failing is left alone for a while, then one call tries whether it is back.

Of our own, for the libraries' either hold a lock during the call or let every waiting call through when half open.
"""

import threading
import time
from collections.abc import Callable


class Breaker:
    """Opens after `failures` in a row, for `seconds`; then one probe decides. For several threads."""

    def __init__(self, failures: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowed = failures
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until: float | None = None
        self._probing = False

    def looks_open(self) -> float | None:
        """Like `refuses`, without being the probe."""
        with self._lock:
            return self._wait()

    def refuses(self) -> float | None:
        """None: go on, and say how it went. Else the seconds (at least one) after which to ask again."""
        with self._lock:
            wait = self._wait()
            self._probing = self._probing or (wait is None and self._open_until is not None)
            return wait

    def _wait(self) -> float | None:
        if self._open_until is None:
            return None
        left = self._open_until - self._clock()
        return max(1.0, left) if left > 0 or self._probing else None

    def succeeded(self) -> None:
        """A call went well: the provider is there."""
        with self._lock:
            self._failures, self._open_until, self._probing = 0, None, False

    def failed(self) -> None:
        """A call failed in a way that may pass."""
        with self._lock:
            self._failures += 1
            if self._probing or self._failures >= self._allowed:
                self._open_until = self._clock() + self._seconds
            self._probing = False
