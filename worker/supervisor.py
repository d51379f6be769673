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

from sqlalchemy import Engine, func, or_, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared import log, schema
from shared.config import Settings
from shared.db import transaction
from shared.dubbing import jobs
from shared.dubbing.jobs import Claim
from shared.dubbing.state import Status
from shared.errors import LeaseLostError, TransientError
from shared.models import Job, Video
from shared.queue import Queue
from worker import scratch
from worker.child import Child, Ended

logger = log.get(__name__)

LONGEST_LOOK_SECONDS = 1.0  # how long a cancel or a drain can go unseen, at most
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
        if not self._is_waiting(job_id):
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

    def _is_waiting(self, job_id: UUID) -> bool:
        due = (Job.status == Status.PENDING) & (Job.not_before <= func.now())
        with transaction(self._engine) as session:
            return session.scalar(select(Job.job_id).where(Job.job_id == job_id, or_(due, jobs.lapsed()))) is not None

    def _run(self, job_id: UUID) -> Answer:
        if not self._has_room(job_id):
            return Answer(503, "too little disk")
        with transaction(self._engine) as session:
            held = jobs.claim(session, job_id, self._settings)
        if held is None:
            return Answer(200, "someone has it")
        with log.bound(job_id=str(job_id), attempt=held.attempt):
            logger.info("claimed")
            try:
                return self._record(held, *self._watch(held))
            finally:
                shutil.rmtree(scratch.directory(self._settings, held.lease_token), ignore_errors=True)

    def _has_room(self, job_id: UUID) -> bool:
        with transaction(self._engine) as session:
            video = session.scalars(select(Video).join(Job, Job.video_id == Video.id).where(Job.job_id == job_id)).one()
        return scratch.has_room(self._settings, video.size_bytes, video.duration_seconds or 0.0)

    def _watch(self, held: Claim) -> tuple[Ended, Stop | None]:
        """Run the child to its end, or to ours."""
        child = Child(held, self._settings)
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
            if now - began > self._settings.job_cap_seconds:
                return Stop.TOO_LONG
            beat = self._renew(held) if now - renewed >= self._settings.heartbeat_seconds - look / 2 else None
            if beat is not None:
                renewed = now
                if not beat.held:
                    return self._parted(child)
                if beat.cancel_requested:
                    return Stop.CANCELED
            elif now - renewed > self._settings.lease_seconds:
                return Stop.LEASE_LOST
        return None

    def _parted(self, child: Child) -> Stop | None:
        """The row is no longer ours: mostly because the child has just ended the job and is on its way out."""
        return None if child.wait(self._settings.kill_grace_seconds) else Stop.LEASE_LOST

    def _renew(self, held: Claim) -> jobs.Heartbeat | None:
        """None when the database is away: the lease may still hold until it lapses."""
        try:
            with transaction(self._engine) as session:
                return jobs.renew(session, held, self._settings)
        except DBAPIError as error:
            logger.warning("heartbeat failed", error=str(error))
            return None

    def _record(self, held: Claim, ended: Ended, stop: Stop | None) -> Answer:
        """Let the database know what happens next, and send the next wake-up call."""
        try:
            with transaction(self._engine) as session:
                delay, reason = self._next(session, held, ended, stop)
        except LeaseLostError:
            return Answer(200, "no longer ours")
        if delay is not None:
            self._wake(held.job_id, delay)
        return Answer(200, reason)

    def _next(self, session: Session, held: Claim, ended: Ended, stop: Stop | None) -> tuple[float | None, str]:
        """Record the end; the seconds to the next wake-up call (None: none is due) and what to say."""
        if stop is Stop.CANCELED:
            jobs.cancel_claimed(session, held)
            return None, stop
        if stop is Stop.TOO_LONG:
            jobs.fail(session, held, TOO_LONG)
            return None, stop
        if stop is Stop.DRAINING:
            return (0.0 if jobs.let_go(session, held) else None), stop
        if stop is Stop.LEASE_LOST or ended.code == 0:
            return None, stop or "recorded by the child"
        return self._postpone(session, held, ended), "postponed"

    def _postpone(self, session: Session, held: Claim, ended: Ended) -> float | None:
        trouble = ended.trouble or _died(ended)
        error = (str(trouble["code"]), str(trouble["message"]))
        logger.warning("job postponed", code=error[0], message=error[1])
        return jobs.postpone(session, held, error, self._settings, trouble.get("retry_after")).delay_seconds

    def _wake(self, job_id: UUID, delay: float) -> None:
        """Send the next wake-up call; if it can't be sent or is due too far ahead, the sweep will."""
        if delay > 900:
            return
        try:
            self._queue.wake(job_id, delay + 1 if delay else 0)
            with transaction(self._engine) as session:
                jobs.stamp_wake(session, job_id)
        except (TransientError, DBAPIError) as error:
            logger.warning("wake-up call left to the sweep", error=str(error))


def _died(ended: Ended) -> dict[str, Any]:
    how = f"by signal {ended.by_signal}" if ended.by_signal else f"with exit code {ended.code}"
    return {"code": "worker_died", "message": f"The work stopped unexpectedly ({how}) and will be tried again."}
