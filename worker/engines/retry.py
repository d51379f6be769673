"""The one place that tries again: exponential backoff with jitter within a budget, for TransientError only."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from shared.errors import TransientError

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


def with_retries(
    call: Callable[[], Result],
    patience: Patience,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> Result:
    """The result of `call`. Raises its last TransientError when patience is used up, anything else at once.

    `clock` and `sleep` count seconds, `jitter` gives 0 to 1: a wait is between half and all of its step.
    """
    began = clock()
    for attempt in range(1, patience.attempts):
        try:
            return call()
        except TransientError as error:
            wait = _wait(attempt, error.retry_after, patience, jitter())
            if clock() - began + wait > patience.budget:
                raise
            sleep(wait)
    return call()


def _wait(attempt: int, retry_after: float | None, patience: Patience, jitter: float) -> float:
    step = min(patience.longest_wait, patience.first_wait * 2.0 ** (attempt - 1))
    return max(step * (0.5 + jitter / 2), retry_after or 0.0)
