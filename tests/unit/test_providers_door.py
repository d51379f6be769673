"""What stands between this service and a provider: the pace, the circuit breaker, the account."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PermanentError, PipelineError, TransientError
from worker.engines import door as doors
from worker.engines.breaker import Breaker
from worker.engines.door import Door, ProviderCall, Usage
from worker.engines.errors import LeftAloneError, OutOfQuotaError, content_refused, from_status
from worker.engines.pace import Pace
from worker.engines.sdk import retry_after


class Clock:
    """Time that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(concurrency=st.integers(1, 8), per_minute=st.floats(1, 6000), pauses=st.lists(st.floats(0, 30), max_size=40))
def test_no_minute_has_more_calls_than_the_rate_and_one_rush(
    concurrency: int, per_minute: float, pauses: list[float]
) -> None:
    clock = Clock()
    pace = Pace(concurrency, per_minute, clock=clock, sleep=clock.sleep)
    begun = []
    for pause in pauses:
        clock.now += pause
        with pace.turn():
            begun.append(clock.now)
    for index, start in enumerate(begun):
        within = sum(1 for time in begun[index:] if time < start + 60)
        assert within <= per_minute + concurrency + 1e-6


def test_calls_side_by_side_are_as_many_as_may_be() -> None:
    pace, most, running, lock = Pace(3, 60_000), 0, 0, threading.Lock()
    all_in = threading.Barrier(3, timeout=20)

    def call() -> None:
        nonlocal most, running
        with pace.turn():
            with lock:
                running += 1
                most = max(most, running)
            all_in.wait()
            with lock:
                running -= 1

    threads = [threading.Thread(target=call) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3


def failing(error: PipelineError) -> Callable[[], str]:
    def call() -> str:
        raise error

    return call


@pytest.fixture
def told() -> Iterator[list[ProviderCall]]:
    calls: list[ProviderCall] = []
    stop = doors.listen(calls.append)
    yield calls
    stop()


def a_door(clock: Clock, failures: int = 3) -> Door:
    return Door("acme", Pace(4, 6000, clock=clock, sleep=clock.sleep), Breaker(failures, 30, clock))


def ask(door: Door, call: Callable[[], str]) -> str:
    return door.call(call, slot="translation", model="m", usage=lambda text: [Usage("characters", len(text))])


BUSY = TransientError("provider_busy", "Busy.")


def test_every_call_is_told_with_what_it_used_or_how_it_failed(told: list[ProviderCall]) -> None:
    door = a_door(Clock())
    assert ask(door, lambda: "hola") == "hola"
    with pytest.raises(TransientError):
        ask(door, failing(BUSY))
    assert [(call.outcome, call.usage) for call in told] == [("ok", (Usage("characters", 4),)), ("provider_busy", ())]
    assert {(call.provider, call.model, call.slot) for call in told} == {("acme", "m", "translation")}


def test_an_answer_that_we_stumble_over_is_told_with_what_it_used(told: list[ProviderCall]) -> None:
    """A full disk, or a fault of ours, while it is read."""

    def stumbling() -> str:
        with doors.paid([Usage("characters", 7)]):
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        ask(a_door(Clock()), stumbling)
    assert [(call.outcome, call.usage) for call in told] == [("internal_error", (Usage("characters", 7),))]


def test_an_answer_of_no_use_is_told_with_what_it_used(told: list[ProviderCall]) -> None:
    def useless() -> str:
        with doors.paid([Usage("characters", 7)]):
            raise BUSY

    door = a_door(Clock(), failures=1)
    with pytest.raises(TransientError) as met:
        ask(door, useless)
    assert met.value is BUSY
    assert [(call.outcome, call.usage) for call in told] == [("provider_busy", (Usage("characters", 7),))]
    with pytest.raises(LeftAloneError):
        ask(door, lambda: "hola")


def test_a_provider_that_keeps_failing_is_left_alone_until_one_probe_succeeds(told: list[ProviderCall]) -> None:
    clock = Clock()
    door = a_door(clock)
    for _ in range(3):
        with pytest.raises(TransientError):
            ask(door, failing(BUSY))
    with pytest.raises(LeftAloneError) as away:
        ask(door, lambda: "not asked")
    assert away.value.code == "provider_unavailable"
    assert away.value.retry_after == 30
    assert len(told) == 3
    clock.now += 31
    with pytest.raises(TransientError, match="Busy"):
        ask(door, failing(BUSY))
    with pytest.raises(LeftAloneError):
        ask(door, lambda: "not asked")
    clock.now += 31
    assert ask(door, lambda: "back") == "back"
    assert ask(door, lambda: "again") == "again"


def test_only_one_call_is_the_probe() -> None:
    clock = Clock()
    door = a_door(clock, failures=1)
    with pytest.raises(TransientError):
        ask(door, failing(BUSY))
    clock.now += 31

    def probe() -> str:
        with pytest.raises(LeftAloneError):
            ask(door, lambda: "not asked")
        return "probed"

    assert ask(door, probe) == "probed"


@pytest.mark.parametrize("answer", [content_refused("acme", "No."), OutOfQuotaError("provider_out_of_quota", "Empty.")])
def test_an_answer_that_says_no_is_no_sign_of_illness(answer: PipelineError) -> None:
    door = a_door(Clock(), failures=1)
    for _ in range(3):
        with pytest.raises(type(answer)):
            ask(door, failing(answer))
    assert ask(door, lambda: "there") == "there"


@pytest.mark.parametrize(
    ("status", "vendor_code", "kind", "code"),
    [
        (None, None, TransientError, "provider_unavailable"),
        (408, None, TransientError, "provider_unavailable"),
        (409, None, TransientError, "provider_unavailable"),
        (425, None, TransientError, "provider_unavailable"),
        (429, None, TransientError, "provider_busy"),
        (429, "insufficient_quota", OutOfQuotaError, "provider_out_of_quota"),
        (401, "quota_exceeded", OutOfQuotaError, "provider_out_of_quota"),
        (402, None, OutOfQuotaError, "provider_out_of_quota"),
        (500, None, TransientError, "provider_unavailable"),
        (529, None, TransientError, "provider_unavailable"),
        (401, None, PermanentError, "provider_refused_key"),
        (403, None, PermanentError, "provider_refused_key"),
        (400, None, PermanentError, "provider_refused"),
        (422, None, PermanentError, "provider_refused"),
    ],
)
def test_what_an_answer_means(
    status: int | None, vendor_code: str | None, kind: type[PipelineError], code: str
) -> None:
    error = from_status("Acme", status, "No.\nReally", retry_after=7.0, vendor_code=vendor_code)
    assert type(error) is kind
    assert error.code == code
    assert error.message.startswith(("Acme", "The quota at Acme"))
    assert error.message.endswith("No. Really.")
    if type(error) is TransientError:
        assert error.retry_after == 7.0


@pytest.mark.parametrize(
    ("header", "wait"),
    [("7", 7.0), (" 1.5 ", 1.5), ("0.25", 0.25), ("1.", 1.0), ("-3", None), ("soon", None), ("²", None), ("nan", None)],
)
def test_how_long_to_wait_is_read_to_the_fraction(header: str, wait: float | None) -> None:
    assert retry_after.seconds({"Retry-After": header}) == wait


def test_a_date_to_wait_for_is_read_and_one_out_of_all_bounds_is_none() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after.seconds({"retry-after": soon}) == pytest.approx(60, abs=30)
    assert retry_after.seconds({"retry-after": "9" * 400}) is None
    assert retry_after.seconds({}) is None


def test_a_refused_key_is_not_told() -> None:
    said = "Incorrect API key provided: sk-proj-Ab12************wxYZ9. You can find yours in your account."
    error = from_status("Acme", 401, said)
    assert "sk-proj" not in error.message
    assert "You can find yours" in error.message
