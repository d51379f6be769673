"""The supervisor: from a wake-up call to an answer for the daemon.

It claims the job, runs it in a child process, renews the lease, watches for cancel, drain and the job cap, and records
how it ended. It never touches media. The answer is 200 once the database knows what happens next.
"""

import shutil
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared import log, schema
from shared.config import Settings
from shared.db import transaction
from shared.dubbing import jobs, leases
from shared.dubbing.leases import Claim
from shared.dubbing.state import LIVE
from shared.errors import LeaseLostError, TransientError
from shared.models import Dub, Job, Video
from shared.queue import LONGEST_DELAY_SECONDS, Queue
from worker import scratch
from worker.child import EX_TEMPFAIL, Child, Ended, job_child
from worker.threads import lanes

logger = log.get(__name__)

LONGEST_LOOK_SECONDS = 1.0  # how long a cancel or a drain can go unseen, at most
TOO_LARGE = ("too_large_for_worker", "The video is larger than a worker's disk. Make it smaller and upload it again.")
DIED: dict[str, Any] = {"code": "worker_died", "message": "The work stopped unexpectedly."}
TOO_LONG = ("job_too_long", "The job took longer than a job may take. Cut the video into parts and dub those.")


class Stop(StrEnum):
    """Why the supervisor ends a child that would go on."""

    CANCELED = "canceled"
    DRAINING = "draining"
    LEASE_LOST = "lease_lost"
    TOO_LONG = "too_long"


@dataclass(frozen=True)
class Answer:
    """What the daemon is told: 200 deletes the message, 503 brings it again."""

    status: int
    reason: str


class Supervisor:
    """One for each worker process; `handle` runs in as many threads as there are messages in flight."""

    def __init__(self, settings: Settings, engine: Engine, queue: Queue) -> None:
        self._settings = settings
        self._engine = engine
        self._queue = queue
        self._slots = threading.BoundedSemaphore(settings.job_slots)
        self._draining = threading.Event()
        self._schema_ready = False

    def drain(self) -> None:
        """Take nothing more and let go of what runs; safe to call from a signal handler."""
        self._draining.set()

    def handle(self, job_id: UUID) -> Answer:
        """Do what the wake-up call asks for. DBAPIError passes through: nothing could be recorded."""
        if self._draining.is_set():
            return Answer(503, "draining")
        if not self._schema_is_ready():
            return Answer(503, "the database schema is behind the code")
        with transaction(self._engine) as session:
            settled = jobs.settle(session, job_id, self._settings)
        if settled:
            return Answer(200, f"settled: {settled}")
        with transaction(self._engine) as session:
            if not leases.is_claimable(session, job_id):
                return Answer(200, "nothing to do")
        if not self._slots.acquire(blocking=False):
            return Answer(503, "no free job slot")
        try:
            return self._run(job_id)
        finally:
            self._slots.release()

    def _schema_is_ready(self) -> bool:
        self._schema_ready = self._schema_ready or not schema.is_behind(self._engine)
        return self._schema_ready

    def _run(self, job_id: UUID) -> Answer:
        needed, (free, most) = self._needed_bytes(job_id), scratch.room_bytes(self._settings)
        if free < needed <= most:
            return Answer(503, "too little disk")
        with transaction(self._engine) as session:
            held = leases.claim(session, job_id, self._settings)
            if held is not None and needed > most:
                jobs.fail(session, held, TOO_LARGE, self._settings)
                return Answer(200, "larger than the disk")
        if held is None:
            return Answer(200, "someone has it")
        with log.bound(job_id=str(job_id), attempt=held.attempt):
            logger.info("claimed")
            try:
                return self._record(held, *self._watched(held))
            finally:
                shutil.rmtree(scratch.directory(self._settings, held.lease_token), ignore_errors=True)

    def _needed_bytes(self, job_id: UUID) -> int:
        with transaction(self._engine) as session:
            video = session.scalars(select(Video).join(Job, Job.video_id == Video.id).where(Job.job_id == job_id)).one()
            waiting = session.scalars(select(Dub.id).where(Dub.job_id == job_id, Dub.status.in_(LIVE))).all()
        return scratch.needed_bytes(video.size_bytes or 0, video.duration_seconds or 0.0, lanes(len(waiting)))

    def _watched(self, held: Claim) -> tuple[Ended, Stop | None]:
        """`_watch`; whatever goes wrong with it (no process to be had, say) is trouble of this attempt."""
        try:
            return self._watch(held)
        except Exception:
            logger.exception("the child could not be watched")
            return Ended(EX_TEMPFAIL, None), None

    def _watch(self, held: Claim) -> tuple[Ended, Stop | None]:
        """Run the child to its end, or to ours."""
        child = job_child(held, self._settings)
        try:
            stop = self._heartbeat(child, held)
        finally:
            ended = child.end()
        logger.info("child ended", code=ended.code, stop=stop)
        return ended, stop

    def _heartbeat(self, child: Child, held: Claim) -> Stop | None:
        """Renew the lease until the child has ended or has to be ended; says why."""
        began = renewed = time.monotonic()
        look = min(LONGEST_LOOK_SECONDS, self._settings.heartbeat_seconds)
        while not child.wait(look):
            now = time.monotonic()
            if self._draining.is_set():
                return Stop.DRAINING
            if self._cancel_asked(held):
                return Stop.CANCELED
            if now - began > self._settings.job_cap_seconds:
                return Stop.TOO_LONG
            beat = self._renew(held) if now - renewed >= self._settings.heartbeat_seconds - look / 2 else None
            if beat is False:
                return self._parted(child)
            if beat:
                renewed = now
            elif now - renewed > self._settings.lease_seconds:
                return Stop.LEASE_LOST
        return None

    def _parted(self, child: Child) -> Stop | None:
        """The row is no longer ours: mostly because the child has just ended the job and is on its way out."""
        return None if child.wait(self._settings.kill_grace_seconds) else Stop.LEASE_LOST

    def _cancel_asked(self, held: Claim) -> bool:
        try:
            with transaction(self._engine) as session:
                return jobs.cancel_asked(session, held)
        except DBAPIError:
            return False  # the heartbeat says so

    def _renew(self, held: Claim) -> bool | None:
        """Whether the lease is still held; None when the database is away: the lease may still hold until it lapses."""
        try:
            with transaction(self._engine) as session:
                return leases.renew(session, held, self._settings)
        except DBAPIError as error:
            logger.warning("heartbeat failed", error=str(error))
            return None

    def _record(self, held: Claim, ended: Ended, stop: Stop | None) -> Answer:
        """Let the database know what happens next, and send the next wake-up call.

        A database that is away is waited for while the lease holds. DBAPIError when it stays away.
        """
        until = time.monotonic() + self._settings.lease_seconds
        while True:
            try:
                return self._recorded(held, ended, stop)
            except DBAPIError as error:
                if time.monotonic() > until:
                    raise
                logger.warning("the end is not recorded yet", error=str(error))
                time.sleep(LONGEST_LOOK_SECONDS)

    def _recorded(self, held: Claim, ended: Ended, stop: Stop | None) -> Answer:
        try:
            with transaction(self._engine) as session:
                delay, reason = self._next(session, held, ended, stop)
                if jobs.settle(session, held.job_id, self._settings):
                    delay, reason = None, Stop.CANCELED
        except LeaseLostError:
            return self._parted_answer(held)
        if delay is not None:
            self._wake(held.job_id, delay)
        return Answer(200, reason)

    def _parted_answer(self, held: Claim) -> Answer:
        """The row is not ours any more, or a cancel came between two looks at it: the child is gone, so it ends."""
        with transaction(self._engine) as session:
            if jobs.cancel_asked(session, held) and jobs.cancel_claimed(session, held, self._settings):
                return Answer(200, Stop.CANCELED)
        return Answer(200, "no longer ours")

    def _next(self, session: Session, held: Claim, ended: Ended, stop: Stop | None) -> tuple[float | None, str]:
        """Record the end; the seconds to the next wake-up call (None: none is due) and what to say."""
        if not leases.holds(session, held):
            return None, stop or "recorded by the child"
        if stop is Stop.CANCELED or jobs.cancel_asked(session, held):
            jobs.cancel_claimed(session, held, self._settings)
            return None, Stop.CANCELED
        if stop is Stop.TOO_LONG:
            jobs.fail(session, held, TOO_LONG, self._settings)
            return None, stop
        if stop in {Stop.DRAINING, Stop.LEASE_LOST}:
            return (0.0 if leases.let_go(session, held) else None), stop
        return self._postpone(session, held, ended), "postponed"

    def _postpone(self, session: Session, held: Claim, ended: Ended) -> float | None:
        trouble = ended.trouble or DIED
        error = (str(trouble["code"]), str(trouble["message"]))
        logger.warning("job postponed", code=error[0], message=error[1], exit_code=ended.code)
        return jobs.postpone(session, held, error, self._settings, trouble.get("retry_after")).delay_seconds

    def _wake(self, job_id: UUID, delay: float) -> None:
        """Send the next wake-up call; if it can't be sent or is due too far ahead, the sweep will."""
        if delay > LONGEST_DELAY_SECONDS:
            return
        try:
            self._queue.wake(job_id, delay + 1 if delay else 0)
            with transaction(self._engine) as session:
                leases.stamp_wake(session, job_id)
        except (TransientError, DBAPIError) as error:
            logger.warning("wake-up call left to the sweep", error=str(error))
