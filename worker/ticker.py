"""The ticker: threads in the worker's HTTP process that run the maintenance tasks, each at most once a period.

Every task has a thread of its own, so a slow one never delays another.
"""

import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Engine

from shared import log, maintenance
from shared.maintenance import Task

logger = log.get(__name__)

Step = Callable[[], object]


class Ticker:
    """Until `stop()`: runs `tasks`, each once a period over all machines, and what this machine does on its own:
    `own` at every pause, and `every` task once its period.

    `at_start` are steps of this machine that are tried at every pause until they succeed once. What fails is logged
    and comes again; nothing stands in another's way.
    """

    def __init__(
        self, engine: Engine, tasks: list[Task], own: list[Step], at_start: list[Step], every: Sequence[Task] = ()
    ) -> None:
        self._engine = engine
        self._at_start = at_start
        self._stopped = threading.Event()
        self._pause = min(task.period_seconds for task in tasks) / 4
        self._threads = [
            *(self._thread(task.name, self._pause, self._once(task)) for task in tasks),
            *(self._thread(task.name, task.period_seconds, task.run) for task in every),
            *(self._thread(f"own-{number}", self._pause, step) for number, step in enumerate(own)),
            threading.Thread(target=self._begin, name="starter", daemon=True),
        ]

    def start(self) -> None:
        """Begin, in threads of its own."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take up no further task."""
        self._stopped.set()

    def _thread(self, name: str, pause: float, step: Step) -> threading.Thread:
        return threading.Thread(target=self._repeat, args=[name, pause, step], name=f"ticker-{name}", daemon=True)

    def _once(self, task: Task) -> Step:
        return lambda: maintenance.run_once(self._engine, task)

    def _repeat(self, name: str, pause: float, step: Step) -> None:
        while not self._stopped.wait(pause):
            self._done(name, step)

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
