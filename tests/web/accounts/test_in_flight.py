"""Requests and jobs that are under way while their account ends."""

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import DBAPIError

from shared.accounts import access, activity, api_keys, own_password
from shared.accounts.activity import Kind
from shared.db import transaction
from shared.errors import AppError
from shared.models import Job, User, Video, WebhookEndpoint
from tests.factories import a_job, a_user, a_video
from tests.web.conftest import Person
from web.limits import KEY_USE

Sign = Callable[[Flask], Person]
CREATING = {
    "video": lambda person: person.post(
        "/videos", json={"filename": "talk.mp4", "size_bytes": 1000, "content_type": "video/mp4"}
    ),
    "webhook": lambda person: person.put("/users/me/webhook", json={"url": "https://1.1.1.1/hook"}),
    "key": lambda person: person.post("/users/me/api-keys", json={"name": "x", "scopes": ["read"]}),
    "export": lambda person: person.get("/users/me/export"),
}


@pytest.mark.parametrize("what", CREATING)
def test_what_comes_while_the_account_is_deleted_is_refused(person: Person, engine: Engine, what: str) -> None:
    answers = []
    asking = threading.Thread(target=lambda: answers.append(CREATING[what](person)))
    with transaction(engine) as session:
        user = session.get_one(User, person.id)
        own_password.lock(session, user)
        session.execute(update(User).where(User.id == person.id).values(deleted_at=func.now()))
        asking.start()
        asking.join(0.5)
        assert asking.is_alive()
    asking.join(60)
    assert answers[0].status_code == 401
    with transaction(engine) as session:
        assert session.scalar(select(Video.id).where(Video.user_id == person.id)) is None
        assert session.scalar(select(WebhookEndpoint.url).where(WebhookEndpoint.user_id == person.id)) is None


def test_a_jobs_end_and_the_end_of_its_account_do_not_wait_for_each_other(engine: Engine) -> None:
    user_id = a_user(engine)
    job_id = a_job(engine, video_id=a_video(engine, user_id))
    has_user, has_job = threading.Event(), threading.Event()
    failures: list[DBAPIError] = []

    def end_job() -> None:
        try:
            with transaction(engine) as session:
                session.execute(select(Job.job_id).where(Job.job_id == job_id).with_for_update())
                has_job.set()
                has_user.wait(60)
                activity.note(session, user_id, Kind.JOB_FINISHED)
        except DBAPIError as error:
            failures.append(error)

    ending = threading.Thread(target=end_job)
    ending.start()
    assert has_job.wait(60)
    with transaction(engine) as session:
        own_password.lock(session, session.get_one(User, user_id))
        has_user.set()
        session.execute(update(Job).where(Job.job_id == job_id).values(webhook_url=None))
    ending.join(60)
    assert failures == []


def test_demanding_is_over_with_the_account(engine: Engine) -> None:
    user_id = a_user(engine)
    with transaction(engine) as session:
        access.demand_alive(session, user_id)
        session.execute(update(User).where(User.id == user_id).values(disabled_at=func.now()))
    with pytest.raises(AppError, match="closed"), transaction(engine) as session:
        access.demand_alive(session, user_id)


def test_a_key_that_may_only_read_gets_no_address_to_write_to(app: Flask, person: Person, engine: Engine) -> None:
    body = {"filename": "talk.mp4", "size_bytes": 1000, "content_type": "video/mp4"}
    video_id = person.post("/videos", json=body).json["video_id"]
    with transaction(engine) as session:
        _, key = api_keys.create(session, person.id, "x", [api_keys.Scope.READ])
    headers = {"Authorization": f"Bearer {key}"}
    assert person.client.get(f"/videos/{video_id}", headers=headers).status_code == 200
    refused = person.client.get(f"/videos/{video_id}/upload", headers=headers)
    assert (refused.status_code, refused.json["code"]) == (403, "insufficient_scope")


def test_nul_in_a_query_is_refused(person: Person) -> None:
    assert person.get("/dubbing-jobs?status=%00").status_code == 422
    assert person.get("/videos?cursor=a%00b").json["code"] == "invalid_request"


def test_a_key_is_used_so_often_and_no_more(app: Flask, person: Person, engine: Engine) -> None:
    with transaction(engine) as session:
        _, one = api_keys.create(session, person.id, "x", [api_keys.Scope.READ])
        _, other = api_keys.create(session, person.id, "y", [api_keys.Scope.READ])
    most = int(KEY_USE.split()[0])
    answers = [app.test_client().get("/languages", headers={"Authorization": f"Bearer {one}"}) for _ in range(most + 1)]
    assert [answer.status_code for answer in answers[:most]].count(429) == 0
    assert (answers[-1].status_code, answers[-1].json["code"]) == (429, "too_many_requests")
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 61  # rounded up
    assert app.test_client().get("/languages", headers={"Authorization": f"Bearer {other}"}).status_code != 429
