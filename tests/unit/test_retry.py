"""Trying again: only what may pass, within a budget, and as long as the provider asks."""

from collections.abc import Callable

import pytest

from shared.errors import PermanentError, TransientError
from worker.engines.retry import Patience, with_retries


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def failing(times: int, retry_after: float | None = None) -> Callable[[], str]:
    left = iter(range(times))

    def call() -> str:
        if next(left, None) is not None:
            raise TransientError("busy", "Busy.", retry_after)
        return "done"

    return call


def tried(call: Callable[[], str], time: Time) -> str:
    return with_retries(call, Patience(), clock=time.clock, sleep=time.sleep, jitter=lambda: 1.0)


def test_it_waits_longer_each_time() -> None:
    time = Time()
    assert tried(failing(3), time) == "done"
    assert time.slept == [0.5, 1.0, 2.0]


def test_it_gives_up_after_its_attempts() -> None:
    time = Time()
    with pytest.raises(TransientError):
        tried(failing(4), time)
    assert len(time.slept) == 3


def test_it_waits_as_long_as_the_provider_asks_but_not_beyond_its_budget() -> None:
    time = Time()
    assert tried(failing(1, retry_after=30), time) == "done"
    assert time.slept == [30]
    with pytest.raises(TransientError) as error:
        tried(failing(1, retry_after=600), time)
    assert error.value.retry_after == 600
    assert time.slept == [30]


def test_jitter_takes_up_to_half() -> None:
    time = Time()
    with_retries(failing(2), Patience(), clock=time.clock, sleep=time.sleep, jitter=lambda: 0.0)
    assert time.slept == [0.25, 0.5]


def test_a_permanent_failure_is_not_tried_again() -> None:
    calls = []

    def call() -> None:
        calls.append(1)
        raise PermanentError("no", "No.")

    with pytest.raises(PermanentError):
        with_retries(call, Patience())
    assert len(calls) == 1
