"""The one place that tries again: exponential backoff with jitter within a budget, for TransientError only."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from shared.errors import TransientError
from worker.engines.errors import LeftAloneError, OutOfQuotaError

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to keep trying: at most `attempts` calls, none begun later than `budget` seconds after the first.

    Waits double from `first_wait` to `longest_wait` seconds; a provider's own longer wish is honoured.
    """

    attempts: int = 4
    budget: float = 120.0
    first_wait: float = 0.5
    longest_wait: float = 20.0


class Attempts:
    """The attempts at one thing. The budget counts from here on.

    `clock` and `sleep` count seconds, `jitter` gives 0 to 1: a wait is between half and all of its step.
    """

    def __init__(
        self,
        patience: Patience,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._patience, self._clock, self._sleep, self._jitter = patience, clock, sleep, jitter
        self._began = clock()
        self._failed = 0

    def wait_after(self, error: TransientError) -> None:
        """Wait until it may be tried again. Raises `error` when patience is used up, or waiting would not help."""
        self._failed += 1
        if self._failed >= self._patience.attempts or isinstance(error, OutOfQuotaError | LeftAloneError):
            raise error
        wait = _wait(self._failed, error.retry_after, self._patience, self._jitter())
        if self._clock() - self._began + wait > self._patience.budget:
            raise error
        self._sleep(wait)


def with_retries(
    call: Callable[[], Result],
    patience: Patience,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> Result:
    """The result of `call`. Raises its last TransientError when patience is used up, anything else at once."""
    attempts = Attempts(patience, clock=clock, sleep=sleep, jitter=jitter)
    while True:
        try:
            return call()
        except TransientError as error:
            attempts.wait_after(error)


def _wait(attempt: int, retry_after: float | None, patience: Patience, jitter: float) -> float:
    step = min(patience.longest_wait, patience.first_wait * 2.0 ** (attempt - 1))
    return max(step * (0.5 + jitter / 2), retry_after or 0.0)
