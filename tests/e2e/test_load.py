"""Every slot is busy and a thousand messages wait: a lapsed job is not forgotten, and status answers as before."""

import json
import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

import boto3
import httpx
import pytest
from sqlalchemy import text

from shared.accounts import sessions
from shared.accounts.client import Client
from shared.db import make_engine, transaction
from shared.dubbing import jobs
from shared.models import User, new_id
from shared.queue import Wake
from tests.media import a_clip
from tests.processes import QUICK, Tier, daemon, tier, until
from tests.worker.conftest import Bench
from web import signing
from web.app import create_app

WAITING, SLOTS, ASKED = 1000, 2, 40
SWEEPS = "select count(*) from maintenance_runs where task = 'sweep' and created_at between :since and :until"
# A long period would let a waiting job be sent again by itself.
LOADED = {**QUICK, "job_slots": SLOTS, "sweep_seconds": 3.0, "resend_seconds": 3600.0, "max_crashes": 100,
          "speech_recognition": ("fake-slow",), "speech_synthesis": ("fake-slow",),
          "max_live_jobs": 1_000_000, "access_token_seconds": 3600}  # fmt: skip


@dataclass
class Site:
    """Both tiers, the daemon, and a user with one finished job to ask about."""

    bench: Bench
    web: Tier
    headers: dict[str, str]
    video_id: UUID
    asked_about: UUID

    def milliseconds(self) -> float:
        """The median time that the web tier says it took to answer for the job's status."""
        path = f"/dubbing-jobs/{self.asked_about}"
        before = len(self.web.log.read_text().splitlines())
        for _ in range(ASKED):
            answer = httpx.get(f"{self.web.url}{path}", headers=self.headers, timeout=30)
            assert (answer.status_code, answer.json()["status"]) == (200, "CANCELED")
        lines = [json.loads(line) for line in self.web.log.read_text().splitlines()[before:] if line.startswith("{")]
        return statistics.median(line["milliseconds"] for line in lines if line.get("path") == path)

    def fill_queue(self) -> None:
        """A thousand PENDING jobs of the same video, each with its message."""
        with transaction(self.bench.engine) as session:
            user_id = session.scalar(text("select user_id from videos where id = :id"), {"id": self.video_id})
            new = jobs.NewJob(user_id, self.video_id, "s3://bucket/originals", "en", ("es",), None, {})
            waiting = [jobs.create(session, new).job_id for _ in range(WAITING)]
            session.execute(text("update jobs set wake_sent_at = now(), wakes = 1 where status = 'PENDING'"))
        sqs = boto3.client("sqs", endpoint_url=self.bench.settings.sqs_endpoint_url, region_name="us-east-1")
        for first in range(0, WAITING, 10):
            entries = [
                {"Id": str(number), "MessageBody": Wake(job_id).to_json()}
                for number, job_id in enumerate(waiting[first : first + 10])
            ]
            sqs.send_message_batch(QueueUrl=self.bench.settings.sqs_queue_url, Entries=entries)

    def lapse(self) -> UUID:
        """A job whose worker died a moment ago: its lease has run out and no message names it."""
        job_id = self.bench.job("es", wake=False)
        with transaction(self.bench.engine) as session:
            session.execute(
                text("update jobs set status = 'PROCESSING', lease_token = :token, attempt = 1, wake_sent_at = null, "
                     "lease_until = now() - interval '1 second' where job_id = :id"),
                {"token": new_id(), "id": job_id},
            )  # fmt: skip
        return job_id

    def busy(self) -> int:
        """How many jobs are being worked on."""
        with transaction(self.bench.engine) as session:
            leased = "select count(*) from jobs where status = 'PROCESSING' and lease_until > now()"
            return session.scalar(text(leased)) or 0


@pytest.fixture
def site(make_settings, tmp_path) -> Iterator[Site]:
    settings = make_settings(**LOADED)
    with ExitStack() as stack:
        engine = make_engine(settings)
        stack.callback(engine.dispose)
        web = stack.enter_context(tier("web", settings, tmp_path / "web.log"))
        worker = stack.enter_context(tier("worker", settings, tmp_path / "worker.log"))
        bench = Bench(settings, engine, worker, a_clip(tmp_path / "clip.mp4"))
        over = bench.job("es", wake=False)
        with transaction(engine) as session:
            jobs.request_cancel(session, over)
            jobs.settle(session, over, settings)
        row = bench.row(over)
        with transaction(engine) as session:
            known = session.get_one(User, row.user_id).password_hash
            where = Client("pytest", "127.0.0.0/24")
            opened = sessions.begin(session, row.user_id, where, lasts_seconds=3600, password_hash=known)
        with create_app(settings).app_context():
            token = signing.access_token(opened)
        stack.enter_context(daemon(settings, worker.url, SLOTS))
        yield Site(bench, web, {"Authorization": f"Bearer {token}"}, row.video_id, over)


@pytest.mark.long
@pytest.mark.timeout(600)  # a thousand orders on a machine that has other things to do
def test_with_every_slot_busy_and_a_thousand_messages_waiting(site):
    site.milliseconds()  # connections are made, statements compiled
    idle = site.milliseconds()
    site.fill_queue()
    until(lambda: site.busy() == SLOTS, 60, "work for every slot")
    lapsed = site.lapse()
    since = site.bench.row(lapsed).lease_until
    sent = until(lambda: site.bench.row(lapsed).wake_sent_at, 60, "the lapsed job's message")
    with transaction(site.bench.engine) as session:
        sweeps = session.scalar(text(SWEEPS), {"since": since, "until": sent})
    assert 1 <= sweeps <= 2
    until(lambda: site.busy() == SLOTS, 60, "work for every slot")  # between two jobs there is a moment without
    # Two cores do two dubs meanwhile: several times as long is what sharing them costs, not a queue of requests.
    assert site.milliseconds() <= 15 * idle
