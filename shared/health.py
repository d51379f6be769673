"""How the machine and its neighbours are: one small report, the same on both tiers, with nothing secret in it."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from shared import log
from shared.config import Settings
from shared.errors import TransientError
from shared.queue import Queue
from shared.storage import Storage

State = Literal["ok", "high", "failed"]

SLOW_MILLISECONDS = 1000.0
MANY_MESSAGES = 1000.0
FULL_MEMORY = 0.95
BUSY_LOAD = 4.0  # of the last minute, for each core
# A machine without these can't do its work; the rest only slows it.
NEEDED = frozenset({"database", "bucket", "disk"})

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """A measured value against its limit. database and bucket: ms to answer; queue: messages that wait; disk: bytes
    free; memory: share used; cpu: load for each core. `value` is None where it could not be measured."""

    value: float | None
    limit: float
    state: State


def checks(engine: Engine, storage: Storage, queue: Queue, settings: Settings) -> dict[str, Check]:
    """All checks by name."""
    return {
        "database": _answer("database", lambda: _select(engine)),
        "bucket": _answer("bucket", storage.check),
        "queue": _queue(queue),
        "disk": _disk(settings),
        "memory": _below(_memory_used(), FULL_MEMORY),
        "cpu": _below(os.getloadavg()[0] / (os.cpu_count() or 1), BUSY_LOAD),
    }


def is_ready(found: dict[str, Check]) -> bool:
    """Whether what is needed works."""
    return not any(found[name].state == "failed" for name in NEEDED)


def _select(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("select 1"))


def _answer(name: str, ask: Callable[[], object]) -> Check:
    started = time.monotonic()
    try:
        ask()
    except (SQLAlchemyError, TransientError) as error:
        _log.warning("health_check_failed", check=name, reason=repr(error))
        return Check(None, SLOW_MILLISECONDS, "failed")
    return _below((time.monotonic() - started) * 1000, SLOW_MILLISECONDS)


def _queue(queue: Queue) -> Check:
    try:
        return _below(float(queue.check()), MANY_MESSAGES)
    except TransientError as error:
        _log.warning("health_check_failed", check="queue", reason=repr(error))
        return Check(None, MANY_MESSAGES, "failed")


def _disk(settings: Settings) -> Check:
    """Free bytes where scratch files go, or would go."""
    path = settings.scratch_dir.absolute()
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    free, limit = float(shutil.disk_usage(there).free), float(settings.disk_free_min_bytes)
    return Check(free, limit, "ok" if free >= limit else "failed")


def _memory_used() -> float:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    kilobytes = {name: int(rest.split()[0]) for name, rest in (line.split(":", 1) for line in lines)}
    return 1 - kilobytes["MemAvailable"] / kilobytes["MemTotal"]


def _below(value: float, limit: float) -> Check:
    return Check(round(value, 3), limit, "ok" if value < limit else "high")
