"""A maintenance task runs once a period, whoever asks and however often."""

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from shared.db import make_engine
from shared.maintenance import Task, run_once, sweep
from shared.queue import Queue
from tests.factories import a_job
from tests.worker.test_jobs import row
from worker.ticker import Ticker


def test_a_task_runs_once_a_period_however_many_ask(engine):
    ran, gate = [], threading.Barrier(8)
    task = Task("count", 3600, lambda: ran.append(1))

    def ask():
        gate.wait()
        run_once(engine, task)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert ran == [1]


def test_a_task_that_fails_frees_its_lock(engine):
    def fail():
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        run_once(engine, Task("fails", 0.001, fail))
    assert run_once(engine, Task("fails", 0.001, lambda: None))


def test_a_failure_while_taking_the_lock_keeps_no_lock(engine, settings):
    """As when the worker is deployed before the migration has made the table."""
    with engine.begin() as connection:
        connection.execute(text("alter table maintenance_runs rename to away"))
    with pytest.raises(ProgrammingError):
        run_once(engine, Task("early", 0.001, lambda: None))
    with engine.begin() as connection:
        connection.execute(text("alter table away rename to maintenance_runs"))
    other = make_engine(settings)
    assert run_once(other, Task("early", 0.001, lambda: None))
    other.dispose()


def test_the_sweep_goes_on_while_a_first_step_fails_and_a_task_breaks(engine):
    swept = threading.Event()
    ticker = Ticker(
        engine,
        [Task("sweep", 0.2, swept.set), Task("broken", 0.2, lambda: {}["missing"])],
        own=[lambda: 1 / 0],
        at_start=[lambda: {}["engines"]],
    )
    ticker.start()
    assert swept.wait(60)
    swept.clear()
    assert swept.wait(60)
    ticker.stop()


def test_the_sweep_sends_and_stamps(engine, settings):
    job_id = a_job(engine)
    assert sweep(engine, Queue(settings), settings) == 1
    assert sweep(engine, Queue(settings), settings) == 0
    assert row(engine, job_id).wakes == 1
    assert Queue(settings).check() == 1
