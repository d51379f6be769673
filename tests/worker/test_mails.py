"""Nothing a person waits for stands in line behind a dub: mails with every job slot busy and a queue behind them."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from shared.db import transaction
from shared.mails import outbox
from shared.mails.templates import Template
from shared.models import new_id
from shared.queue import Queue
from tests.factories import a_user
from tests.mailbox import can_send, letter
from tests.processes import until

WAITING = 1000


def verification(engine: Engine, to: str) -> None:
    expires = datetime.now(UTC) + timedelta(hours=1)
    with transaction(engine) as session:
        told = {"link": "https://onevoice.test/v", "asked": expires, "browser": "", "network": "203.0.113.0/24"}
        outbox.write(session, Template.VERIFY, to, locale="en", **told, expires=expires)


def news(engine: Engine, user_id: UUID) -> None:
    told = {"link": "https://onevoice.test/j", "title": "A talk", "languages": ["Spanish"], "failed": []}
    with transaction(engine) as session:
        for _ in range(WAITING):
            outbox.write(session, Template.DUB_READY, "crowd@onevoice.test", locale="en", user_id=user_id, **told)


@pytest.mark.long
def test_a_verification_mail_overtakes_a_thousand_messages_and_a_thousand_mails(start_bench):
    bench = start_bench(job_slots=1)
    can_send(bench.settings)
    stop = bench.stop_at("jobs", "translate")
    busy = bench.job()
    stop.reached()
    queue = Queue(bench.settings)
    for _ in range(WAITING):
        queue.wake(busy)
    news(bench.engine, a_user(bench.engine))
    until(lambda: letter("crowd@onevoice.test"), 15, "the ticker's being at the crowd's mails")
    to = f"{new_id()}@onevoice.test"
    began = time.monotonic()
    verification(bench.engine, to)
    assert letter(to, seconds=30).link == "https://onevoice.test/v"
    assert time.monotonic() - began < 10
    assert bench.row(busy).status == "PROCESSING"
    stop.release()
