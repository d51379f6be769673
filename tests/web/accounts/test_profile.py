"""One's own account: profile, address, activity, notifications, data."""

import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select, update

from shared.accounts import activity, unsubscribe
from shared.accounts.activity import Kind
from shared.config import Settings
from shared.db import transaction
from shared.mails.templates import Template
from shared.models import Import, OneTimeToken, new_id
from tests.factories import a_job, a_video
from tests.web.accounts.conftest import Letters, login, problem
from tests.web.conftest import PASSWORD, Person

ANA = "ana@onevoice.test"


def test_name_and_language(ana: Person) -> None:
    assert ana.patch("/users/me", json={"name": "Ana", "locale": "ko"}).json["name"] == "Ana"
    assert ana.patch("/users/me", json={}).json == ana.get("/users/me").json
    me = ana.patch("/users/me", json={"name": None}).json
    assert (me["name"], me["locale"]) == (None, "ko")


@pytest.mark.parametrize(
    "body", [{"role": "admin"}, {"email": "x@y.test"}, {"name": 7}, {"locale": None}, {"name": "\u202e\n"}]
)
def test_bad_changes(ana: Person, body: dict[str, object]) -> None:
    assert problem(ana.patch("/users/me", json=body)) == (422, "invalid_request")


def test_another_address(client: FlaskClient, ana: Person, letters: Letters, address: str) -> None:
    body = {"email": address, "password": PASSWORD}
    assert ana.post("/users/me/email", json=body).status_code == 202
    assert ana.get("/users/me").json["email"] == ANA, "not before the link comes back"
    token = letters.token(address, Template.CONFIRM_NEW_EMAIL)
    done = client.post("/auth/verify-new-email", json={"token": token})
    assert (done.status_code, done.json) == (200, {"email": address})
    assert [mail.template for mail in letters.to(ANA)] == ["email_change_asked", "email_changed"]
    assert ana.get("/users/me").json["email"] == address
    assert problem(client.post("/auth/verify-new-email", json={"token": token})) == (422, "token_invalid")
    assert (login(client, ANA).status_code, login(client, address).status_code) == (401, 200)


def test_an_address_that_is_taken_gets_no_link_but_the_same_answer(
    ana: Person, join: Callable[[str], Person], letters: Letters, address: str
) -> None:
    join("ben@onevoice.test")
    free = ana.post("/users/me/email", json={"email": address, "password": PASSWORD})
    taken = ana.post("/users/me/email", json={"email": "Ben@onevoice.test", "password": PASSWORD})
    assert (free.status_code, free.json) == (taken.status_code, taken.json)
    assert [mail.template for mail in letters.to("ben@onevoice.test")] == ["already_registered"]


def test_an_address_that_is_taken_meanwhile(
    client: FlaskClient, ana: Person, join: Callable[[str], Person], letters: Letters, address: str
) -> None:
    ana.post("/users/me/email", json={"email": address, "password": PASSWORD})
    join(address)
    token = letters.token(address, Template.CONFIRM_NEW_EMAIL)
    assert problem(client.post("/auth/verify-new-email", json={"token": token})) == (409, "email_taken")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"email": "eva@onevoice.test", "password": "wrong"}, (403, "wrong_password")),
        ({"email": "no address", "password": PASSWORD}, (422, "invalid_email")),
        ({"email": ANA, "password": PASSWORD}, (422, "same_email")),
        ({"email": "eva@onevoice.test"}, (422, "invalid_request")),
    ],
)
def test_bad_addresses(ana: Person, body: dict[str, str], refusal: tuple[int, str]) -> None:
    assert problem(ana.post("/users/me/email", json=body)) == refusal


def test_the_link_to_a_new_address_expires_and_a_newer_one_ends_it(
    client: FlaskClient, ana: Person, letters: Letters, address: str, engine: Engine
) -> None:
    ana.post("/users/me/email", json={"email": address, "password": PASSWORD})
    old = letters.token(address, Template.CONFIRM_NEW_EMAIL)
    ana.post("/users/me/email", json={"email": f"x{address}", "password": PASSWORD})
    new = letters.token(f"x{address}", Template.CONFIRM_NEW_EMAIL)
    (superseded,) = letters.to(address)
    assert (superseded.status, superseded.parameters) == ("SKIPPED", {})
    assert problem(client.post("/auth/verify-new-email", json={"token": old})) == (422, "token_invalid")
    with transaction(engine) as session:
        session.execute(update(OneTimeToken).values(expires_at=func.now()))
    assert problem(client.post("/auth/verify-new-email", json={"token": new})) == (410, "token_expired")


def test_the_mail_with_that_link_is_not_sent_when_it_is_too_late(
    ana: Person, letters: Letters, address: str, engine: Engine
) -> None:
    ana.post("/users/me/email", json={"email": address, "password": PASSWORD})
    (mail,) = letters.to(address)
    with transaction(engine) as session:
        assert mail.parameters["expires"] == session.scalars(select(OneTimeToken.expires_at)).one().isoformat()


def test_a_user_may_ask_for_five_new_addresses_an_hour(ana: Person, letters: Letters, address: str) -> None:
    asked = [ana.post("/users/me/email", json={"email": f"{n}{address}", "password": PASSWORD}) for n in range(7)]
    assert [answer.status_code for answer in asked] == [202] * 5 + [429] * 2
    assert problem(asked[-1]) == (429, "too_many_requests")
    assert 1 <= int(asked[-1].headers["Retry-After"]) <= 3600
    assert len(letters.to(ANA)) == 5


@pytest.mark.usefixtures("served")
def test_what_is_done_to_jobs_is_noted(ana: Person, engine: Engine) -> None:
    job = a_job(engine, "es", video_id=a_video(engine, ana.id))
    for _ in range(2):
        ana.post(f"/dubbing-jobs/{job}/cancel")
    assert ana.post(f"/dubbing-jobs/{job}/retry").status_code == 202
    ana.post(f"/dubbing-jobs/{job}/cancel")
    added = ana.post(f"/dubbing-jobs/{job}/languages", json={"target_languages": ["ca"]})
    assert added.status_code == 202, added.json
    items = ana.get("/users/me/activity").json["items"]
    noted = [(item["kind"], item["ip"]) for item in items if item["details"].get("job_id") == str(job)]
    kinds = [kind for kind, ip in noted if ip]
    assert kinds == ["languages_added", "job_canceled", "job_retried", "job_canceled"]
    assert items[0]["details"]["languages"] == ["ca"]


def test_activity_is_paged(ana: Person, engine: Engine) -> None:
    with transaction(engine) as session:
        for number in range(5):
            activity.note(session, ana.id, Kind.JOB_FINISHED, job_id=str(number))
    first = ana.get("/users/me/activity?limit=4").json
    second = ana.get(f"/users/me/activity?limit=4&cursor={first['next_cursor']}").json
    assert [item["details"].get("job_id") for item in first["items"]] == ["4", "3", "2", "1"]
    assert [item["kind"] for item in second["items"]] == ["job_finished", "signed_in"]
    assert second["next_cursor"] is None
    assert (second["items"][1]["ip"], second["items"][0]["ip"]) == ("127.0.0.0/24", None)
    assert problem(ana.get("/users/me/activity?cursor=x")) == (422, "invalid_cursor")


def test_nobody_elses_activity(ana: Person, stranger: Person) -> None:
    assert [item["kind"] for item in stranger.get("/users/me/activity").json["items"]] == []


def test_notifications(ana: Person) -> None:
    url = "/users/me/notifications"
    assert ana.get(url).json == {"job_finished": True, "billing": True, "product_news": False}
    assert ana.patch(url, json={"product_news": True}).json["product_news"] is True
    assert ana.patch(url, json={"billing": False}).json == {
        "job_finished": True,
        "billing": False,
        "product_news": True,
    }
    for body in ({"billing": "no"}, {"mails": True}, {"billing": None}):
        assert problem(ana.patch(url, json=body)) == (422, "invalid_request")


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"data": {"List-Unsubscribe": "One-Click"}, "content_type": "multipart/form-data"},
        {"json": {}},
        {},
    ],
)
def test_unsubscribing_needs_the_link_and_nothing_else(
    client: FlaskClient, ana: Person, settings: Settings, sent: dict[str, object]
) -> None:
    token = unsubscribe.link_token(settings, ana.id, "job_finished")
    for _ in range(2):
        answer = client.post(f"/unsubscribe/{token}", **sent)
        assert (answer.status_code, answer.json) == (200, {"topic": "job_finished", "subscribed": False})
    wanted = {"job_finished": False, "billing": True, "product_news": False}
    assert ana.get("/users/me/notifications").json == wanted
    kinds = [item["kind"] for item in ana.get("/users/me/activity").json["items"]]
    assert kinds.count("unsubscribed") == 1


def test_the_link_survives_a_new_secret(make_settings: Callable[..., Settings]) -> None:
    user_id, old = new_id(), make_settings()
    token = unsubscribe.link_token(old, user_id, "billing")
    new = make_settings(jwt_previous_secret=old.jwt_secret)
    assert unsubscribe.redeem(new, token) == (user_id, "billing")


@pytest.mark.parametrize("kind", ["garbage", "cut", "foreign", "of another salt", "long"])
def test_bad_links(client: FlaskClient, settings: Settings, make_settings: Callable[..., Settings], kind: str) -> None:
    token = unsubscribe.link_token(settings, new_id(), "billing")
    bad = {
        "garbage": "x.y",
        "cut": token[:-2],
        "foreign": unsubscribe.link_token(make_settings(), new_id(), "billing"),
        "of another salt": token[::-1],
        "long": "a" * 501,
    }[kind]
    assert client.post(f"/unsubscribe/{bad}").status_code == 422


def test_a_link_of_a_user_who_is_gone(client: FlaskClient, settings: Settings) -> None:
    token = unsubscribe.link_token(settings, new_id(), "billing")
    assert client.post(f"/unsubscribe/{token}").status_code == 200


def test_the_export_has_what_is_still_waited_for(ana: Person, engine: Engine, address: str, stranger: Person) -> None:
    with transaction(engine) as session:
        for owner in (ana, stranger):
            video = a_video(engine, owner.id, status="IMPORTING")
            session.add(Import(video_id=video, url=f"https://example.com/{owner.id}.mp4"))
    ana.post("/users/me/email", json={"email": f"x{address}", "password": PASSWORD})
    ana.post("/users/me/email", json={"email": address, "password": PASSWORD})
    found = ana.get("/users/me/export").json
    assert [row["url"] for row in found["imports"]] == [f"https://example.com/{ana.id}.mp4"]
    assert [row["email"] for row in found["new_addresses"]] == [address]


def test_the_export_has_everything_but_secrets(ana: Person, engine: Engine, stranger: Person) -> None:
    a_job(engine, "es", "ca", video_id=a_video(engine, ana.id))
    a_job(engine, video_id=a_video(engine, stranger.id))
    key = ana.post("/users/me/api-keys", json={"name": "ci", "scopes": ["read"]}).json["key"]
    answer = ana.get("/users/me/export")
    found = answer.json
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert found["profile"]["email"] == ANA
    assert [job["dubs"][0]["language"] for job in found["jobs"]] == ["es"]
    assert [dub["language"] for dub in found["jobs"][0]["dubs"]] == ["es", "ca"]
    assert (len(found["videos"]), len(found["sessions"]), len(found["api_keys"])) == (1, 1, 1)
    assert {item["kind"] for item in found["activity"]} >= {"signed_in", "api_key_created"}
    text = json.dumps(found)
    assert "hash" not in text
    assert "argon2" not in text
    assert key not in text
