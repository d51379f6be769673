"""A job's end is told, once and in the transaction that ends it."""

import json
from uuid import UUID

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from shared.config import Settings
from shared.db import transaction
from shared.dubbing import jobs, leases
from shared.models import WebhookDelivery
from tests.factories import a_job
from tests.web.conftest import Person, code
from tests.web.orders import order
from tests.web.test_rounds import ended

pytestmark = pytest.mark.usefixtures("served")
HOOK = "https://hooks.example.com/dubs"


def told(engine: Engine) -> list[tuple[str, str]]:
    with transaction(engine) as session:
        rows = session.execute(select(WebhookDelivery.event, WebhookDelivery.url).order_by(WebhookDelivery.id))
        return [(row.event, row.url) for row in rows]


def test_a_job_with_an_address_tells_of_each_rounds_end(
    person: Person, video: UUID, engine: Engine, settings: Settings
) -> None:
    answer = order(person, video, webhook_url=HOOK)
    assert answer.json
    assert answer.json["webhook_url"] == HOOK
    job = UUID(answer.json["job_id"])
    ended(engine, settings, job, failed=("es",))
    person.post(f"/dubbing-jobs/{job}/retry")
    ended(engine, settings, job, "es")
    assert told(engine) == [("dubbing_job.failed", HOOK), ("dubbing_job.completed", HOOK)]
    with transaction(engine) as session:
        last = session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id.desc()).limit(1)).one()
        data = json.loads(last.body)["data"]
        assert (data["job_id"], data["status"], data["round"]) == (str(job), "COMPLETED", 2)


def test_a_cancel_is_told_once(person: Person, video: UUID, engine: Engine) -> None:
    job = a_job(engine, video_id=video, webhook_url=HOOK)
    for _ in range(3):
        person.post(f"/dubbing-jobs/{job}/cancel")
    assert told(engine) == [("dubbing_job.canceled", HOOK)]


def test_a_running_jobs_cancel_is_told_once(video: UUID, engine: Engine, settings: Settings) -> None:
    job = a_job(engine, video_id=video, webhook_url=HOOK)
    with transaction(engine) as session:
        held = leases.claim(session, job, settings)
        assert held
        jobs.request_cancel(session, job)
    for _ in range(2):
        with transaction(engine) as session:
            jobs.cancel_claimed(session, held, settings)
    assert told(engine) == [("dubbing_job.canceled", HOOK)]


def test_nothing_is_told_where_nobody_asked(video: UUID, engine: Engine, settings: Settings) -> None:
    ended(engine, settings, a_job(engine, video_id=video), "es")
    assert told(engine) == []


def test_what_is_rolled_back_is_not_told(video: UUID, engine: Engine, settings: Settings) -> None:
    job = a_job(engine, video_id=video, webhook_url=HOOK)
    with Session(engine) as session:
        held = leases.claim(session, job, settings)
        assert held
        jobs.fail(session, held, ("a", "A."), settings)
        session.rollback()
    assert told(engine) == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hooks.example.com/",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://localhost/",
        "https://user:password@hooks.example.com/",
        "no address",
    ],
)
def test_an_address_that_may_not_be_told(person: Person, video: UUID, url: str) -> None:
    assert code(order(person, video, webhook_url=url)) == (422, "url_not_allowed")
