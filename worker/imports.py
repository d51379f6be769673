"""Imports in the worker's HTTP process: claim them by polling, run each in a child, record how it ended.

They need no queue message and no job slot, so a file is fetched while a dub runs.
"""

import threading
import time
from functools import partial
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from shared import log
from shared.config import MIB, Settings
from shared.db import transaction
from shared.limited import Limits
from shared.videos import imports
from shared.videos.imports import Claim
from worker.child import Child, Ended, lease

logger = log.get(__name__)

LONGEST_LOOK_SECONDS = 1.0  # how long a drain or a deleted video can go unseen, at most
MEMORY_BYTES = 2048 * MIB  # address space, of which the child uses a fraction
OPEN_FILES = 256
DIED: dict[str, Any] = {"code": "worker_died", "message": "The fetching stopped unexpectedly."}


class Importer:
    """Until `drain()`: fetches up to `import_slots` files at once."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._transaction = partial(transaction, engine)
        self._slots = threading.BoundedSemaphore(settings.import_slots)
        self._draining = threading.Event()
        self._thread = threading.Thread(target=self._run, name="imports", daemon=True)

    def start(self) -> None:
        """Begin, in threads of its own."""
        self._thread.start()

    def drain(self) -> None:
        """Take nothing more and let go of what runs; safe to call from a signal handler."""
        self._draining.set()

    def _run(self) -> None:
        while not self._draining.wait(self._settings.import_poll_seconds):
            try:
                while self._begin_one():
                    pass
            except Exception:
                logger.exception("imports could not be claimed")

    def _begin_one(self) -> bool:
        """Claim an import and begin it; False when there is none or no slot is free."""
        if self._draining.is_set() or not self._slots.acquire(blocking=False):
            return False
        held = None
        try:
            with self._transaction() as session:
                imports.settle(session, self._settings)
                held = imports.claim(session, self._settings)
        finally:
            if held is None:
                self._slots.release()
        if held is not None:
            # Not a daemon: this process waits at its end until the import is let go of.
            threading.Thread(target=self._hold, args=[held], name="import").start()
        return held is not None

    def _hold(self, held: Claim) -> None:
        with log.bound(video_id=str(held.video_id), attempt=held.attempt):
            try:
                self._record(held, self._watched(held))
            except Exception:
                logger.exception("the end of the import is not recorded; its lease will lapse")
            finally:
                self._slots.release()

    def _watched(self, held: Claim) -> Ended | None:
        """Run the child to its end; None when it was ended by us, so that nothing is counted."""
        limits = Limits(
            cpu_seconds=int(self._settings.import_cap_seconds) + 60, memory_bytes=MEMORY_BYTES, open_files=OPEN_FILES
        )
        child = Child("worker.fetch_import", held.video_id, lease(held.lease_token, held.attempt), limits)
        logger.info("import claimed")
        stopped = True
        try:
            stopped = self._heartbeat(child, held)
        finally:
            ended = child.end()
        logger.info("import's child ended", code=ended.code, stopped=stopped)
        return None if stopped else ended

    def _heartbeat(self, child: Child, held: Claim) -> bool:
        """Renew the lease until the child has ended; whether it has to be ended instead."""
        renewed = time.monotonic()
        while not child.wait(min(LONGEST_LOOK_SECONDS, self._settings.heartbeat_seconds)):
            if self._draining.is_set():
                return True
            held_still = self._renew(held)
            if held_still:
                renewed = time.monotonic()
            elif held_still is False or time.monotonic() - renewed > self._settings.lease_seconds:
                # Mostly the child has just recorded the end and is on its way out.
                return not child.wait(self._settings.kill_grace_seconds)
        return False

    def _renew(self, held: Claim) -> bool | None:
        try:
            with self._transaction() as session:
                return imports.renew(session, held, self._settings)
        except DBAPIError as error:
            logger.warning("heartbeat failed", error=str(error))
            return None

    def _record(self, held: Claim, ended: Ended | None) -> None:
        with self._transaction() as session:
            if ended is None:
                imports.let_go(session, held)
            elif ended.code != 0:
                trouble = ended.trouble or DIED
                error = (str(trouble["code"]), str(trouble["message"]))
                delay = imports.postpone(session, held, error, self._settings, trouble.get("retry_after"))
                logger.warning("import postponed", code=error[0], message=error[1], delay=delay, exit_code=ended.code)
