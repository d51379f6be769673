"""The account's webhook over HTTP, and what is written when a job ends."""

import base64
import json
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from shared.db import transaction
from shared.dubbing.state import Status
from shared.models import Dub, Job, WebhookDelivery
from shared.webhooks import outbox
from tests.factories import a_job, a_video

URL = "https://hooks.example/onevoice"


def put(person, url: str):
    return person._send("PUT", "/users/me/webhook", json={"url": url})


def ended(engine, person, status: Status = Status.COMPLETED, **values):
    """A job that ended so, and the deliveries that were written."""
    job_id = a_job(engine, "es", "ca", video_id=a_video(engine, person.id), **values)
    with transaction(engine) as session:
        session.execute(update(Dub).where(Dub.job_id == job_id).values(status=status))
        session.execute(update(Dub).where(Dub.job_id == job_id, Dub.language == "ca").values(error_code="no_voice"))
        outbox.job_ended(session, session.get_one(Job, job_id), status)
    with transaction(engine) as session:
        return job_id, list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


def test_there_is_a_secret_before_there_is_an_address(person):
    first = person.get("/users/me/webhook").json
    assert first["url"] is None
    assert first == person.get("/users/me/webhook").json
    assert first["secret"].startswith("whsec_")
    assert len(base64.b64decode(first["secret"].removeprefix("whsec_"))) == 32


def test_the_address_is_set_and_removed_and_the_secret_stays(person, stranger):
    answer = put(person, "https://Hooks.example")
    assert (answer.status_code, answer.json["url"]) == (200, "https://hooks.example/")
    assert put(person, URL).json["secret"] == answer.json["secret"]
    assert person.get("/users/me/webhook").json["url"] == URL
    assert stranger.get("/users/me/webhook").json["url"] is None
    assert person.delete("/users/me/webhook").status_code == 204
    assert person.delete("/users/me/webhook").status_code == 204
    after = person.get("/users/me/webhook").json
    assert (after["url"], after["secret"]) == (None, answer.json["secret"])


def test_the_secret_is_rotated(person):
    before = put(person, URL).json
    after = person.post("/users/me/webhook/secret").json
    assert after["secret"] != before["secret"]
    assert after["url"] == URL
    assert person.get("/users/me/webhook").json == after


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "http://169.254.169.254/"}, "url_not_allowed"),
        ({"url": "http://localhost:8000/"}, "url_not_allowed"),
        ({"url": "http://[::1]/"}, "url_not_allowed"),
        ({"url": "ftp://hooks.example/"}, "url_not_allowed"),
        ({"url": "https://u:p@hooks.example/"}, "url_not_allowed"),
        ({"url": ""}, "invalid_request"),
        ({"url": None}, "invalid_request"),
        ({"url": URL, "secret": "mine"}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
def test_what_can_be_no_webhook(person, body, code):
    answer = person._send("PUT", "/users/me/webhook", json=body)
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert person.get("/users/me/webhook").json["url"] is None


def test_a_job_that_ends_is_told_to_the_account(person, engine):
    put(person, URL)
    job_id, (row,) = ended(engine, person)
    assert (row.url, row.event, row.status, row.job_id) == (URL, "dubbing_job.completed", "PENDING", job_id)
    told = json.loads(row.body)
    assert told["type"] == "dubbing_job.completed"
    assert told["timestamp"].endswith("+00:00")
    data = told["data"]
    assert (data["job_id"], data["status"], data["round"], data["error"]) == (str(job_id), "COMPLETED", 1, None)
    assert data["dubs"] == [
        {"language": "es", "status": "COMPLETED", "error": None},
        {"language": "ca", "status": "COMPLETED", "error": {"code": "no_voice", "message": ""}},
    ]


@pytest.mark.parametrize(("status", "event"), [(Status.FAILED, "failed"), (Status.CANCELED, "canceled")])
def test_a_jobs_own_address_comes_first_and_needs_no_account_address(person, engine, status, event):
    _, (row,) = ended(engine, person, status, webhook_url="https://own.example/")
    assert (row.url, row.event) == ("https://own.example/", f"dubbing_job.{event}")


def test_nothing_is_told_where_there_is_no_address(person, engine):
    assert ended(engine, person)[1] == []


def test_what_is_rolled_back_is_not_told(person, engine):
    put(person, URL)
    job_id = a_job(engine, video_id=a_video(engine, person.id))

    def breaks() -> None:
        with transaction(engine) as session:
            outbox.job_ended(session, session.get_one(Job, job_id), Status.FAILED)
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        breaks()
    assert person.get("/users/me/webhook/deliveries").json["items"] == []


def test_the_log_is_paged_and_filtered(person, stranger, engine):
    put(person, URL)
    first, _ = ended(engine, person)
    second, _ = ended(engine, person)
    page = person.get("/users/me/webhook/deliveries?limit=1").json
    assert [item["job_id"] for item in page["items"]] == [str(second)]
    rest = person.get(f"/users/me/webhook/deliveries?limit=1&cursor={page['next_cursor']}").json
    assert ([item["job_id"] for item in rest["items"]], rest["next_cursor"]) == ([str(first)], None)
    about = person.get(f"/users/me/webhook/deliveries?job_id={first}").json["items"]
    assert [item["job_id"] for item in about] == [str(first)]
    assert len(person.get("/users/me/webhook/deliveries?status=PENDING").json["items"]) == 2
    assert person.get("/users/me/webhook/deliveries?status=FAILED").json["items"] == []
    assert stranger.get("/users/me/webhook/deliveries").json["items"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("cursor=made-up", "invalid_cursor"),
        ("status=LOST", "invalid_request"),
        ("job_id=7", "invalid_request"),
        ("limit=0", "invalid_request"),
        ("order=up", "invalid_request"),
    ],
)
def test_what_the_log_can_not_be_asked(person, query, code):
    answer = person.get(f"/users/me/webhook/deliveries?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, code)


def test_telling_it_again(person, stranger, engine):
    put(person, URL)
    _, (row,) = ended(engine, person)
    again = f"/users/me/webhook/deliveries/{row.id}/redeliver"
    answer = person.post(again)
    assert (answer.status_code, answer.json["code"]) == (409, "invalid_state")
    with transaction(engine) as session:
        session.get_one(WebhookDelivery, row.id).status = "FAILED"
    assert stranger.post(again).status_code == 404
    assert person.post(f"/users/me/webhook/deliveries/{uuid4()}/redeliver").json["code"] == "not_found"
    answer = person.post(again)
    assert (answer.status_code, answer.json["status"], answer.json["attempts"]) == (202, "PENDING", 0)
    with transaction(engine) as session:
        made = session.get_one(WebhookDelivery, answer.json["delivery_id"])
    assert (made.id != row.id, made.body, made.url, made.job_id) == (True, row.body, URL, row.job_id)


def test_a_ping_needs_an_address(person):
    answer = person.post("/users/me/webhook/test")
    assert (answer.status_code, answer.json["code"]) == (409, "no_webhook")
    put(person, URL)
    answer = person.post("/users/me/webhook/test")
    assert (answer.status_code, answer.json["event"], answer.json["job_id"]) == (202, "ping", None)
