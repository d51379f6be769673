"""What operators see and do."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, update

from shared.db import transaction
from shared.models import Dub, Job, Role, User, new_id
from tests.factories import a_job, a_user, a_video
from tests.web.accounts.conftest import problem
from tests.web.conftest import Person


@pytest.fixture
def operator(person: Person, engine: Engine) -> Person:
    with transaction(engine) as session:
        session.execute(update(User).where(User.id == person.id).values(role=Role.ADMIN))
    return person


@pytest.mark.parametrize("url", ["/admin/users", "/admin/jobs"])
def test_only_for_operators(client: FlaskClient, stranger: Person, url: str) -> None:
    assert problem(stranger.get(url)) == (403, "not_allowed")
    assert client.get(url).status_code == 401


def test_no_key_does_it(operator: Person, client: FlaskClient) -> None:
    key = operator.post("/users/me/api-keys", json={"name": "ci", "scopes": ["read", "write"]}).json["key"]
    answer = client.get("/admin/users", headers={"Authorization": f"Bearer {key}"})
    assert problem(answer) == (403, "insufficient_scope")


def test_users(operator: Person, engine: Engine) -> None:
    ids = [str(a_user(engine, f"user{number}%_x@onevoice.test")) for number in range(3)]
    page = operator.get("/admin/users?limit=2").json
    rest = operator.get(f"/admin/users?limit=2&cursor={page['next_cursor']}").json
    assert [user["user_id"] for user in page["items"] + rest["items"]] == [*reversed(ids), str(operator.id)]
    for query, found in (("USER1", [ids[1]]), ("1%25_X", [ids[1]]), (ids[2], [ids[2]]), ("%25%25", [])):
        answer = operator.get(f"/admin/users?query={query}").json
        assert [user["user_id"] for user in answer["items"]] == found, query
    assert "password_hash" not in page["items"][0]


def test_jobs(operator: Person, stranger: Person, engine: Engine) -> None:
    mine = a_job(engine, video_id=a_video(engine, operator.id))
    theirs = a_job(engine, video_id=a_video(engine, stranger.id), status="FAILED")
    found = operator.get("/admin/jobs").json["items"]
    assert [(job["job_id"], job["user_id"]) for job in found] == [
        (str(theirs), str(stranger.id)),
        (str(mine), str(operator.id)),
    ]
    for query in (f"user_id={stranger.id}", "status=FAILED"):
        assert [job["job_id"] for job in operator.get(f"/admin/jobs?{query}").json["items"]] == [str(theirs)]
    assert problem(operator.get("/admin/jobs?status=ODD")) == (422, "invalid_request")


def test_retry(operator: Person, stranger: Person, engine: Engine) -> None:
    job_id = a_job(engine, video_id=a_video(engine, stranger.id))
    url = f"/admin/jobs/{job_id}/retry"
    assert problem(operator.post(url)) == (409, "invalid_state")
    with transaction(engine) as session:
        session.execute(update(Job).values(status="FAILED"))
        session.execute(update(Dub).values(status="FAILED"))
    assert problem(stranger.post(url)) == (403, "not_allowed")
    done = operator.post(url)
    assert (done.status_code, done.json["status"], done.json["user_id"]) == (202, "PENDING", str(stranger.id))
    assert problem(operator.post(f"/admin/jobs/{new_id()}/retry")) == (404, "not_found")
