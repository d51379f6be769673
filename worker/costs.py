"""The account of a job's calls to providers: written as they come, in short transactions of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from queue import SimpleQueue
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from shared import log
from shared.config import Settings
from shared.costs import calls, prices
from shared.db import transaction
from worker.engines import door
from worker.engines.door import ProviderCall

logger = log.get(__name__)
LARGEST_BATCH = 200


@contextmanager
def kept(engine: Engine, job_id: UUID, settings: Settings) -> Iterator[None]:
    """Within the block every call of this process is written down for the job; at its end all of them are.

    A crash loses what is being written and what is in flight, no more.
    """
    account = _Account(engine, job_id, settings)
    stop_listening = door.listen(account.told)
    account.start()
    try:
        yield
    finally:
        stop_listening()
        account.close()


class _Account:
    """A thread that writes what it is told. What can't be written waits for the next write."""

    def __init__(self, engine: Engine, job_id: UUID, settings: Settings) -> None:
        self._engine = engine
        self._job_id = job_id
        self._settings = settings
        self._calls: SimpleQueue[ProviderCall | None] = SimpleQueue()
        self._unwritten: list[ProviderCall] = []
        self._thread = threading.Thread(target=self._write_all, name="costs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def told(self, call: ProviderCall) -> None:
        self._calls.put(call)

    def close(self) -> None:
        """Write what is left; what can't be written is in the log."""
        self._calls.put(None)
        self._thread.join()
        for call in self._unwritten:
            logger.error("a call's cost is lost", provider=call.provider, model=call.model, usage=str(call.usage))

    def _write_all(self) -> None:
        more = True
        while more:
            more = self._collect()
            self._write()

    def _collect(self) -> bool:
        """Wait for a call and take all that wait behind it; whether more may come."""
        call = self._calls.get()
        while call is not None:
            self._unwritten.append(call)
            if len(self._unwritten) >= LARGEST_BATCH or self._calls.empty():
                return True
            call = self._calls.get()
        return False

    def _write(self) -> None:
        if not self._unwritten:
            return
        try:
            rows = [row for call in self._unwritten for row in self._rows(call)]
            with transaction(self._engine) as session:
                calls.record(session, rows)
        except SQLAlchemyError as error:
            logger.warning("costs not written", calls=len(self._unwritten), error=repr(error))
        else:
            self._unwritten.clear()

    def _rows(self, call: ProviderCall) -> Iterator[dict[str, Any]]:
        """A row for each thing it used; one without a unit for a call that used nothing."""
        base = {
            "call_id": call.call_id,
            "at": call.at,
            "job_id": self._job_id,
            "language": call.language,
            "slot": call.slot,
            "provider": call.provider,
            "model": call.model,
            "outcome": call.outcome,
        }
        nothing = {**base, "unit": None, "amount": 0.0, "price": None}
        counted = [one for one in call.usage if _is_amount(one.amount)]
        if len(counted) < len(call.usage):
            logger.error("a call's cost is lost", provider=call.provider, model=call.model, usage=str(call.usage))
        used = (
            {
                **base,
                "unit": one.unit,
                "amount": one.amount,
                "price": prices.price(call.provider, call.model, one.unit, one.amount, self._settings),
            }
            for one in counted
        )
        yield from used if counted else (nothing,)


def _is_amount(told: object) -> bool:
    """Providers tell amounts as they like; one that is none would keep all others from being written."""
    return isinstance(told, int | float) and isfinite(told) and told >= 0
