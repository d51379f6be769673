"""The ticker: a thread in the worker's HTTP process that runs the maintenance tasks, each at most once a period."""

import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine

from shared import log, maintenance
from shared.maintenance import Task

logger = log.get(__name__)

Step = Callable[[], object]


class Ticker:
    """Until `stop()`: runs `tasks`, each once a period over all machines, and `own`, every pause on this machine.

    `at_start` are steps of this machine that are tried at every pause until they succeed once. What fails is logged
    and comes again; nothing stands in another's way.
    """

    def __init__(self, engine: Engine, tasks: list[Task], own: list[Step], at_start: list[Step]) -> None:
        self._engine = engine
        self._tasks = tasks
        self._own = own
        self._at_start = at_start
        self._stopped = threading.Event()
        self._pause = min(task.period_seconds for task in tasks) / 4
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)
        self._starter = threading.Thread(target=self._begin, name="starter", daemon=True)

    def start(self) -> None:
        """Begin, in threads of its own."""
        self._thread.start()
        self._starter.start()

    def stop(self) -> None:
        """Take up no further task."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._pause):
            for task in self._tasks:
                self._done(task.name, lambda task=task: maintenance.run_once(self._engine, task))  # type: ignore[misc]
            for step in self._own:
                self._done("own", step)

    def _begin(self) -> None:
        while self._at_start and not self._stopped.is_set():
            self._at_start = [step for step in self._at_start if not self._done("start", step)]
            if self._at_start:
                self._stopped.wait(self._pause)

    def _done(self, name: str, step: Step) -> bool:
        began = time.monotonic()
        try:
            step()
        except Exception:
            logger.exception("maintenance failed", task=name, seconds=round(time.monotonic() - began, 1))
            return False
        return True
