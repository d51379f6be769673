"""The door to one provider in this process: its rate, its circuit breaker, and the account of what was asked of it.

Nothing is tried again here: see worker.engines.chain.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar
from uuid import UUID

from shared.config import Settings
from shared.errors import PipelineError, TransientError
from shared.models.base import new_id
from worker.engines.breaker import Breaker
from worker.engines.errors import LeftAloneError, OutOfQuotaError
from worker.engines.pace import Pace

Result = TypeVar("Result")
Unit = Literal["seconds", "characters", "bytes", "input_tokens", "output_tokens"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call used of something that is paid for."""

    unit: Unit
    amount: float


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """One call that reached a provider: what it used, and its `outcome` (`ok`, or an error's code)."""

    call_id: UUID
    at: datetime
    provider: str
    model: str
    slot: str
    language: str | None
    outcome: str
    usage: tuple[Usage, ...]


# The language (BCP-47) that a call is made for; chains set it.
language_served: ContextVar[str | None] = ContextVar("language_served", default=None)
Listener = Callable[[ProviderCall], None]
_listeners: list[Listener] = []
_doors: dict[tuple[str, Settings], "Door"] = {}
_opening = threading.Lock()


def listen(listener: Listener) -> Callable[[], None]:
    """Tell `listener` of every call of this process, in the calling thread; the returned function ends that."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


class _PaidInVainError(Exception):
    """An answer that came, and used something, and is of no use: `error` says why."""

    def __init__(self, error: Exception, usage: Iterable[Usage]) -> None:
        super().__init__(error)
        self.error = error
        self.usage = tuple(usage)


@contextmanager
def paid(usage: Iterable[Usage]) -> Iterator[None]:
    """The answer is there and has used that: it is accounted for though what is raised within makes it of no use.

    For use within the function that is given to `Door.call`.
    """
    try:
        yield
    except Exception as error:
        raise _PaidInVainError(error, usage) from error


class Door:
    """One provider's door. For several threads."""

    def __init__(self, provider: str, pace: Pace, breaker: Breaker) -> None:
        self.provider = provider
        self._pace = pace
        self._breaker = breaker

    def call(
        self, call: Callable[[], Result], *, slot: str, model: str, usage: Callable[[Result], Iterable[Usage]]
    ) -> Result:
        """The result of `call`, one request to the provider, in its turn; `usage` reads what is paid from the result.

        Raises what `call` raises, and LeftAloneError `provider_unavailable` at once while the provider is left alone.
        """
        self._ask()  # before waiting for a turn too, so that nobody queues for a provider that is away
        with self._pace.turn():
            self._enter()
            try:
                result = call()
            except _PaidInVainError as vain:
                self._failed(vain.error, slot, model, vain.usage)
                raise vain.error from vain.error.__cause__
            except BaseException as error:
                self._failed(error, slot, model, ())
                raise
            self._breaker.succeeded()
        self._tell(slot, model, "ok", tuple(usage(result)))
        return result

    def _ask(self) -> None:
        wait = self._breaker.looks_open()
        if wait is not None:
            raise self._away(wait)

    def _enter(self) -> None:
        wait = self._breaker.refuses()
        if wait is not None:
            raise self._away(wait)

    def _away(self, wait: float) -> LeftAloneError:
        return LeftAloneError("provider_unavailable", f"{self.provider} keeps failing and is left alone.", wait)

    def _failed(self, error: BaseException, slot: str, model: str, usage: tuple[Usage, ...]) -> None:
        """Only what may pass says something about the provider's health; anything it answered says that it is there."""
        if isinstance(error, TransientError) and not isinstance(error, OutOfQuotaError):
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        self._tell(slot, model, error.code if isinstance(error, PipelineError) else "internal_error", usage)

    def _tell(self, slot: str, model: str, outcome: str, usage: tuple[Usage, ...]) -> None:
        made = ProviderCall(
            new_id(), datetime.now(UTC), self.provider, model, slot, language_served.get(), outcome, usage
        )
        for listener in tuple(_listeners):
            listener(made)


def door(provider: str, settings: Settings) -> Door:
    """The provider's door: one for the same provider and settings in this process."""
    with _opening:
        if (provider, settings) not in _doors:
            _doors[provider, settings] = _made(provider, settings)
        return _doors[provider, settings]


def _made(provider: str, settings: Settings) -> Door:
    pace = Pace(getattr(settings, f"{provider}_concurrency"), getattr(settings, f"{provider}_requests_per_minute"))
    return Door(provider, pace, Breaker(settings.breaker_failures, settings.breaker_seconds))
