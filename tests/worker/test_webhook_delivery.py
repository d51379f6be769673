"""Webhooks as a receiver meets them: signed, once if it answers, again if not, and never held up by others."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.db import transaction
from shared.dubbing.state import Status
from shared.models import Job, WebhookDelivery
from shared.webhooks import delivery, endpoints, outbox, signing
from shared.webhooks.delivery import Sender
from tests.factories import a_job, a_user, a_video
from tests.processes import until
from tests.remote import Remote, answer, remote
from worker.ticker import Ticker


@pytest.fixture
def receiver() -> Iterator[Remote]:
    with remote() as running:
        yield running


@pytest.fixture
def sender(engine, make_settings, receiver) -> Sender:
    return Sender(
        engine,
        make_settings(egress_exempt=(receiver.authority,), webhook_backoff_seconds=0.2, webhook_timeout_seconds=1.0),
    )


@pytest.fixture
def told(engine) -> Callable[..., UUID]:
    """A job that failed, told to the address; the delivery's id."""

    def make(url: str, user_id: UUID | None = None) -> UUID:
        job_id = a_job(engine, video_id=a_video(engine, user_id or a_user(engine)), webhook_url=url)
        with transaction(engine) as session:
            outbox.job_ended(session, session.get_one(Job, job_id), Status.FAILED)
        with transaction(engine) as session:
            found = session.scalar(select(WebhookDelivery.id).where(WebhookDelivery.job_id == job_id))
        assert found is not None
        return found

    return make


def row(engine, delivery_id: UUID) -> WebhookDelivery:
    with transaction(engine) as session:
        return session.get_one(WebhookDelivery, delivery_id)


def make_due(engine) -> None:
    with transaction(engine) as session:
        session.execute(update(WebhookDelivery).values(next_attempt_at=func.now()))


def secret(engine, user_id: UUID) -> str:
    with transaction(engine) as session:
        return endpoints.find(session, user_id).secret


def test_what_is_sent_is_signed_as_the_specification_says(engine, sender, told, receiver):
    sent = told(receiver.answers("/hook", 204))
    assert sender.send_due() == 1
    found = row(engine, sent)
    assert (found.status, found.attempts, found.response_status, found.error) == ("DELIVERED", 1, 204, None)
    assert found.delivered_at
    ((method, _, headers, body),) = receiver.asked
    assert (method, headers["Content-Type"], body.decode()) == ("POST", "application/json", found.body)
    assert headers["webhook-id"] == str(sent)
    verified = Webhook(secret(engine, found.user_id)).verify(body, headers)
    assert verified["data"]["job_id"] == str(found.job_id)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoints.new_secret()).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(engine, found.user_id)).verify(body + b" ", headers)
    assert sender.send_due() == 0


@given(st.text(), st.uuids())
def test_any_body_verifies(text, message_id):
    key, body = endpoints.new_secret(), json.dumps(text).encode()
    assert Webhook(key).verify(body, signing.headers(key, message_id, int(time.time()), body)) == text


def test_it_comes_again_until_it_is_taken(engine, sender, told, receiver):
    answers = iter([500, 429, 200])
    receiver.paths["/hook"] = lambda handler, _: answer(handler, next(answers))
    sent = told(receiver.url("/hook"))
    sender.send_due()
    first = row(engine, sent)
    assert (first.status, first.attempts, first.response_status) == ("PENDING", 1, 500)
    assert "500" in (first.error or "")
    until(lambda: sender.send_due() and row(engine, sent).status == "DELIVERED", 10)
    assert row(engine, sent).attempts == 3
    assert len({body for *_, body in receiver.asked}) == 1
    assert len({headers["webhook-id"] for _, _, headers, _ in receiver.asked}) == 1


def test_gone_ends_it_at_once(engine, sender, told, receiver):
    sent = told(receiver.answers("/hook", 410))
    sender.send_due()
    assert (row(engine, sent).status, row(engine, sent).response_status) == ("FAILED", 410)


def test_a_day_later_it_is_given_up(engine, make_settings, told, receiver):
    settings = make_settings(egress_exempt=(receiver.authority,), webhook_give_up_seconds=0.01)
    sent = told(receiver.answers("/hook", 503))
    Sender(engine, settings).send_due()
    assert row(engine, sent).status == "FAILED"


def test_a_redirect_is_a_failure_and_not_followed(engine, sender, told, receiver):
    receiver.answers("/other", 200)
    sent = told(receiver.answers("/hook", 302, Location="/other"))
    sender.send_due()
    assert (row(engine, sent).status, row(engine, sent).response_status) == ("PENDING", 302)
    assert [path for _, path, _, _ in receiver.asked] == ["/hook"]


def test_a_private_address_fails_at_once(engine, make_settings, told, receiver):
    sent = told(receiver.answers("/hook", 200))
    Sender(engine, make_settings()).send_due()
    assert row(engine, sent).status == "FAILED"
    assert "public internet" in (row(engine, sent).error or "")
    assert receiver.asked == []


def test_a_receiver_that_is_away_is_tried_again(engine, make_settings, told):
    sent = told("http://127.0.0.1:9/hook")
    Sender(engine, make_settings(egress_exempt=("127.0.0.1:9",))).send_due()
    found = row(engine, sent)
    assert (found.status, found.response_status) == ("PENDING", None)
    assert "can't be reached" in (found.error or "")


def test_an_endless_answer_is_left(engine, sender, told, receiver):
    def endless(handler, _body):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 1024)

    receiver.paths["/hook"] = endless
    sent = told(receiver.url("/hook"))
    began = time.monotonic()
    sender.send_due()
    assert time.monotonic() - began < 2
    assert row(engine, sent).status == "DELIVERED"


def test_a_slow_receiver_holds_up_nobody_else(engine, sender, told, receiver):
    receiver.paths["/slow"] = lambda handler, _: time.sleep(3)
    receiver.answers("/quick", 200)
    slow, quick = a_user(engine), a_user(engine)
    for _ in range(10):
        told(receiver.url("/slow"), slow)
    last = told(receiver.url("/quick"), quick)
    thread = threading.Thread(target=sender.send_due)
    thread.start()
    until(lambda: row(engine, last).status == "DELIVERED", 1.0)
    assert sum(path == "/slow" for _, path, _, _ in receiver.asked) <= delivery.MOST_OF_ONE_USER
    thread.join()


def test_two_machines_send_it_once(engine, make_settings, told, receiver):
    settings = make_settings(egress_exempt=(receiver.authority,))
    for _ in range(12):
        told(receiver.answers("/hook", 200))
    gate = threading.Barrier(2)

    def run() -> None:
        machine = Sender(engine, settings)
        gate.wait()
        machine.send_due()

    threads = [threading.Thread(target=run) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(receiver.asked) == 12
    assert len({headers["webhook-id"] for _, _, headers, _ in receiver.asked}) == 12


def test_what_a_crash_left_claimed_comes_again_and_the_late_one_writes_nothing(
    engine, sender, settings, told, receiver
):
    sent = told(receiver.answers("/hook", 200))
    with transaction(engine) as session:
        (lost,) = delivery.claim(session, settings)
    assert sender.send_due() == 0
    make_due(engine)
    assert sender.send_due() == 1
    with transaction(engine) as session:
        delivery.record(session, lost, delivery.Outcome(500, "late"), settings)
    assert (row(engine, sent).status, row(engine, sent).attempts, row(engine, sent).error) == ("DELIVERED", 2, None)


@given(st.integers(1, 10_000))
def test_the_pauses_grow_to_an_hour(attempt):
    from types import SimpleNamespace

    pause = delivery.backoff(attempt, SimpleNamespace(webhook_backoff_seconds=30.0))
    assert 15 <= pause <= 3600
    assert pause <= 30 * 2.0 ** min(attempt - 1, 30)


def test_a_slow_task_delays_no_other(engine):
    from shared.maintenance import Task

    stuck, ran = threading.Event(), threading.Semaphore(0)
    ticker = Ticker(
        engine,
        [Task("slow", 0.2, lambda: stuck.wait(120)), Task("sweep", 0.2, ran.release)],
        own=[lambda: stuck.wait(120)],
        at_start=[],
        every=[Task("webhooks", 0.05, lambda: stuck.wait(120))],
    )
    ticker.start()
    assert all(ran.acquire(timeout=60) for _ in range(3))
    stuck.set()
    ticker.stop()
