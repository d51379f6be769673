"""The periodic tasks, one function each, and the rule that each runs once a period whoever asks.

The ticker in the worker's HTTP process and cron.yaml's posts call the same functions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from zlib import crc32

from sqlalchemy import Connection, Engine, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from shared import log
from shared.accounts import forgetting
from shared.config import Settings
from shared.db import transaction
from shared.dubbing import leases
from shared.mails import outbox
from shared.models import MaintenanceRun
from shared.multipart import Multipart
from shared.queue import Queue
from shared.storage import Storage
from shared.videos import deletion, leftovers, retention

logger = log.get(__name__)

KEPT_RUNS_DAYS = 7


@dataclass(frozen=True)
class Task:
    """A named task: how often it is due (seconds) and what it does."""

    name: str
    period_seconds: float
    run: Callable[[], object]


def tasks(engine: Engine, queue: Queue, settings: Settings) -> list[Task]:
    """The tasks that need nothing but the database, the queue and the bucket."""
    storage, multipart = Storage(settings), Multipart(settings)
    hourly = settings.retention_sweep_seconds
    return [
        Task("sweep", settings.sweep_seconds, lambda: sweep(engine, queue, settings)),
        Task("purge", settings.purge_seconds, lambda: deletion.purge(engine, storage, multipart, settings)),
        Task("uploads", hourly, lambda: retention.expire_uploads(engine, storage, multipart, settings)),
        Task("orphans", 24 * 3600, lambda: orphans(engine, storage, multipart, settings)),
        Task("retention", hourly, lambda: retention.retain(engine, storage, settings)),
        Task("housekeeping", 24 * 3600, lambda: housekeeping(engine, settings)),
    ]


def run_once(engine: Engine, task: Task) -> bool:
    """Run `task` unless it already ran in this period or is running now. Whether it ran."""
    with engine.connect() as connection:
        try:
            taken = _take(connection, task)
        except BaseException:
            connection.invalidate()  # a session's lock outlives its transaction, and the pool would keep it
            raise
        if not taken:
            return False
        try:
            outcome = task.run()
            logger.info("maintenance", task=task.name, outcome=outcome)
        finally:
            _free(connection, task)
    return True


def sweep(engine: Engine, queue: Queue, settings: Settings) -> int:
    """Send a wake-up call for every job that needs one; how many were sent.

    A call that can't be sent is not stamped, so the next sweep tries again.
    """
    with transaction(engine) as session:
        due = leases.due_for_wake(session, settings)
    for job_id in due:
        queue.wake(job_id)
        with transaction(engine) as session:
            leases.stamp_wake(session, job_id)
    return len(due)


def orphans(engine: Engine, storage: Storage, multipart: Multipart, settings: Settings) -> dict[str, int]:
    """Drop what is in the bucket and in no row: uploads in parts, and objects; how many of each."""
    return {
        "uploads": retention.abort_orphans(engine, multipart, settings),
        "objects": leftovers.sweep(engine, storage),
    }


def housekeeping(engine: Engine, settings: Settings) -> int:
    """Forget what accounts left behind, mails and maintenance runs of long ago; how many runs."""
    with transaction(engine) as session:
        forgetting.forget(session, settings)
        outbox.forget(session)
        old = delete(MaintenanceRun).where(MaintenanceRun.created_at < func.now() - timedelta(days=KEPT_RUNS_DAYS))
        return len(session.execute(old.returning(MaintenanceRun.task)).all())


def _take(connection: Connection, task: Task) -> bool:
    """Hold the task's advisory lock and write its row for this period, or neither. Leaves no transaction open."""
    if not connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": _key(task)}):
        connection.rollback()
        return False
    seconds = func.floor(func.extract("epoch", func.now()) / task.period_seconds) * task.period_seconds
    period = connection.scalar(select(func.to_timestamp(seconds)))
    row = insert(MaintenanceRun).values(task=task.name, period=period).on_conflict_do_nothing()
    taken = connection.execute(row.returning(MaintenanceRun.task)).one_or_none() is not None
    connection.commit()
    if not taken:
        _free(connection, task)
    return taken


def _free(connection: Connection, task: Task) -> None:
    connection.execute(text("select pg_advisory_unlock(:key)"), {"key": _key(task)})
    connection.commit()


def _key(task: Task) -> int:
    return crc32(f"onevoice maintenance {task.name}".encode())
