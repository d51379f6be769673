"""The ticker: a thread in the worker's HTTP process that runs the maintenance tasks, each at most once a period."""

import threading
from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from shared import log, maintenance
from shared.errors import PipelineError
from shared.maintenance import Task

logger = log.get(__name__)


class Ticker:
    """Does `first` (again and again until it succeeds), then runs `tasks` until `stop()`.

    A task that fails is logged and due again in its next period.
    """

    def __init__(self, engine: Engine, first: list[Callable[[], object]], tasks: list[Task]) -> None:
        self._engine = engine
        self._first = first
        self._tasks = tasks
        self._stopped = threading.Event()
        self._pause = min(task.period_seconds for task in tasks) / 4
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Take up no further task."""
        self._stopped.set()

    def _run(self) -> None:
        while self._first and not self._stopped.is_set():
            if self._done(self._first[0]):
                self._first.pop(0)
            else:
                self._stopped.wait(self._pause)
        while not self._stopped.wait(self._pause):
            for task in self._tasks:
                self._done(lambda task=task: maintenance.run_once(self._engine, task))  # type: ignore[misc]

    def _done(self, step: Callable[[], object]) -> bool:
        try:
            step()
        except (DBAPIError, PipelineError, OSError) as error:
            logger.warning("maintenance failed", error=str(error))
            return False
        return True
