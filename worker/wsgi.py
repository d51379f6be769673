"""The worker tier under gunicorn: one process, as many threads as messages in flight and a few to spare."""

import signal
from types import FrameType

from flask import Flask

from shared import log, maintenance
from shared.config import settings_or_exit
from shared.db import make_engine
from shared.mails import sending
from shared.maintenance import Task
from shared.queue import Queue
from worker import capabilities, scratch
from worker.app import create_app
from worker.supervisor import Supervisor
from worker.ticker import Ticker

CAPABILITIES_PERIOD_SECONDS = 3600


def make_app() -> Flask:
    """Build the worker from the environment's settings, empty its scratch, and start the ticker."""
    settings = settings_or_exit()
    log.configure(settings.log_file)
    engine = make_engine(settings, pool_size=settings.job_slots + sending.AT_ONCE + 4)
    queue = Queue(settings)
    supervisor = Supervisor(settings, engine, queue)
    tasks = [
        *maintenance.tasks(engine, queue, settings),
        Task("capabilities", CAPABILITIES_PERIOD_SECONDS, capabilities.publish_in_child),
    ]
    mails = sending.Sender(engine, settings)
    ticker = Ticker(
        engine,
        tasks,
        own=[lambda: scratch.empty(settings, engine)],
        at_start=[lambda: scratch.empty(settings, engine), capabilities.publish_in_child],
        every=[Task("mails", settings.mail_poll_seconds, mails.send_due)],
    )
    _drain_on_sigterm(supervisor, ticker)
    ticker.start()
    return create_app(settings, engine, supervisor, tasks)


def _drain_on_sigterm(supervisor: Supervisor, ticker: Ticker) -> None:
    """Let go of running jobs as soon as gunicorn asks this process to stop, then let it stop in its own way."""
    gunicorns = signal.getsignal(signal.SIGTERM)

    def drain(number: int, frame: FrameType | None) -> None:
        supervisor.drain()
        ticker.stop()
        if callable(gunicorns):
            gunicorns(number, frame)

    signal.signal(signal.SIGTERM, drain)


app = make_app()
