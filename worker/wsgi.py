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
from shared.webhooks import delivery
from worker import capabilities, cloned_voices, scratch
from worker.app import create_app
from worker.imports import Importer
from worker.supervisor import Supervisor
from worker.ticker import Ticker

CAPABILITIES_PERIOD_SECONDS = 3600


def make_app() -> Flask:
    """Build the worker from the environment's settings, empty its scratch, and start the ticker."""
    settings = settings_or_exit()
    log.configure(settings.log_file)
    # A connection for each job, import, webhook and mail, a few for the ticker; twice that when it gets tight.
    under_way = settings.job_slots + settings.import_slots + delivery.AT_ONCE + sending.AT_ONCE
    engine = make_engine(settings, pool_size=under_way + 4)
    queue = Queue(settings)
    supervisor, importer = Supervisor(settings, engine, queue), Importer(settings, engine)
    tasks = [
        *maintenance.tasks(engine, queue, settings),
        Task("capabilities", CAPABILITIES_PERIOD_SECONDS, capabilities.publish_in_child),
        Task("clones", settings.sweep_seconds, lambda: cloned_voices.sweep_in_child(engine)),
        Task("stray-clones", 24 * 3600, cloned_voices.sweep_strays_in_child),
    ]
    mails = sending.Sender(engine, settings)
    webhooks = delivery.Sender(engine, settings)
    ticker = Ticker(
        engine,
        tasks,
        own=[lambda: scratch.empty(settings, engine)],
        at_start=[lambda: scratch.empty(settings, engine), capabilities.publish_in_child],
        every=[
            Task("mails", settings.mail_poll_seconds, mails.send_due),
            Task("webhooks", settings.webhook_poll_seconds, webhooks.send_due),
        ],
    )
    _drain_when_told(supervisor, importer, ticker)
    ticker.start()
    importer.start()
    return create_app(settings, engine, supervisor, tasks)


def _drain_when_told(supervisor: Supervisor, importer: Importer, ticker: Ticker) -> None:
    """Let go of jobs and imports as soon as gunicorn asks this process to stop, then let it stop in its own way."""
    gunicorns = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT)}

    def drain(number: int, frame: FrameType | None) -> None:
        supervisor.drain()
        importer.drain()
        ticker.stop()
        then = gunicorns[signal.Signals(number)]
        if callable(then):
            then(number, frame)

    for number in gunicorns:
        signal.signal(number, drain)


app = make_app()
