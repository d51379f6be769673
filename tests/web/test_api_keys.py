"""API keys: made, seen, used within their scopes, revoked."""

import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select, update

from shared.accounts import api_keys, tokens
from shared.db import transaction
from shared.models import Activity, ApiKey, User
from tests.web.conftest import Person

VIDEO = {"filename": "a.mp4", "size_bytes": 10, "content_type": "video/mp4"}


def made(person: Person, *scopes: str, name: str = "my script") -> dict[str, Any]:
    answer = person.post("/users/me/api-keys", json={"name": name, "scopes": scopes or ["read", "write"]})
    assert answer.status_code == 201, answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    document: dict[str, Any] = answer.json or {}
    return document


def program(app: Flask, person: Person, key: str) -> Person:
    return Person(person.id, app.test_client(), {"Authorization": f"Bearer {key}"})


def test_a_key_is_shown_once(person: Person, engine: Engine) -> None:
    key = made(person, "write", "read", name="  my script ")
    assert key["key"].startswith(key["prefix"])
    assert (len(key["prefix"]), key["prefix"][:3]) == (11, "ov_")
    assert len(key["key"]) == 11 + 43
    listed = person.get("/users/me/api-keys").json["items"]
    assert listed == [{name: value for name, value in key.items() if name != "key"}]
    assert (listed[0]["name"], listed[0]["scopes"], listed[0]["last_used_at"]) == ("my script", ["read", "write"], None)
    with transaction(engine) as session:
        stored = session.execute(select(ApiKey.__table__)).all()
        noted = session.execute(select(Activity.kind, Activity.details)).all()
    assert key["key"] not in repr(stored)
    assert [kind for kind, _ in noted] == ["api_key_created"]
    assert key["key"] not in repr(noted)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"name": "", "scopes": ["read"]},
        {"name": "   ", "scopes": ["read"]},
        {"name": "x" * 101, "scopes": ["read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["admin"]},
        {"name": "x", "scopes": ["read", "write", "read"]},
        {"name": "x", "scopes": "read"},
        {"name": "x", "scopes": ["read"], "user_id": "y"},
    ],
)
def test_a_key_that_can_not_be(person: Person, body: dict[str, object]) -> None:
    answer = person.post("/users/me/api-keys", json=body)
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"), [("read", 200, 403), ("write", 403, 201), ("read write", 200, 201)]
)
def test_a_key_does_what_its_scopes_say(app: Flask, person: Person, scopes: str, reads: int, writes: int) -> None:
    script = program(app, person, made(person, *scopes.split())["key"])
    assert script.get("/videos").status_code == reads
    assert FlaskClient(app).head("/videos", headers=script.headers).status_code == reads  # has no body to check
    written = script.post("/videos", json=VIDEO)
    assert written.status_code == writes
    if writes == 403:
        assert written.get_json(force=True)["code"] == "insufficient_scope"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_schemes_case_does_not_matter(person: Person, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {made(person)['key']}"}
    assert person.client.get("/videos", headers=headers).status_code == 200


def test_a_key_reaches_no_sessions_and_no_keys(app: Flask, person: Person) -> None:
    key = made(person)
    script = program(app, person, key["key"])
    refused = [
        script.get("/users/me/api-keys"),
        script.post("/users/me/api-keys", json={"name": "x", "scopes": ["read"]}),
        script.delete(f"/users/me/api-keys/{key['key_id']}"),
        script.get("/users/me/sessions"),
        script.post("/auth/logout"),
    ]
    assert [(answer.status_code, answer.get_json(force=True)["code"]) for answer in refused] == [
        (403, "insufficient_scope")
    ] * len(refused)


@pytest.mark.parametrize(
    "change", [lambda key: key[:-1], lambda key: key + "x", lambda key: key[:11], lambda key: "ov_"]
)
def test_a_key_that_is_none(app: Flask, person: Person, change: Any) -> None:
    answer = program(app, person, change(made(person)["key"])).get("/videos")
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("key", ["ov_é", "ov_" + "x" * 5000, "ov_x y", "ov_,"])
def test_a_malformed_key(client: FlaskClient, key: str) -> None:
    assert client.get("/videos", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_a_revoked_key_opens_nothing(app: Flask, person: Person, engine: Engine) -> None:
    key, other = made(person), made(person)
    assert person.delete(f"/users/me/api-keys/{key['key_id']}").status_code == 204
    assert program(app, person, key["key"]).get("/videos").status_code == 401
    assert program(app, person, other["key"]).get("/videos").status_code == 200
    assert [item["key_id"] for item in person.get("/users/me/api-keys").json["items"]] == [other["key_id"]]
    assert person.delete(f"/users/me/api-keys/{key['key_id']}").status_code == 404
    with transaction(engine) as session:
        assert session.scalars(select(Activity.kind).order_by(Activity.id)).all()[-1] == "api_key_revoked"
        assert api_keys.revoke_all(session, person.id) == 1
    assert program(app, person, other["key"]).get("/videos").status_code == 401


def test_anothers_key_does_not_exist(person: Person, stranger: Person) -> None:
    assert stranger.delete(f"/users/me/api-keys/{made(person)['key_id']}").status_code == 404
    assert stranger.get("/users/me/api-keys").json == {"items": []}


@pytest.mark.parametrize("column", ["disabled_at", "deleted_at"])
def test_the_key_of_a_user_who_is_gone(app: Flask, person: Person, engine: Engine, column: str) -> None:
    script = program(app, person, made(person)["key"])
    with transaction(engine) as session:
        session.execute(update(User).values({column: func.now()}))
    assert script.get("/videos").status_code == 401


def test_a_use_is_noted_once_a_minute(app: Flask, person: Person, engine: Engine) -> None:
    key = made(person)
    script = program(app, person, key["key"])

    def last_used() -> Any:
        return person.get("/users/me/api-keys").json["items"][0]["last_used_at"]

    script.get("/videos")
    first = last_used()
    script.get("/videos")
    assert first is not None
    assert last_used() == first
    with transaction(engine) as session:
        session.execute(update(ApiKey).values(last_used_at=func.now() - timedelta(seconds=61)))
    script.get("/videos")
    assert last_used() > first


def test_twenty_keys_are_the_most_even_at_once(person: Person, engine: Engine) -> None:
    with transaction(engine) as session:
        session.add_all(
            ApiKey(user_id=person.id, name="x", prefix="ov_x", key_hash=tokens.new_token()[1], scopes=["read"])
            for _ in range(api_keys.MOST - 1)
        )
    done: list[str] = []
    at_once = threading.Barrier(3)

    def make() -> None:
        at_once.wait()
        try:
            with transaction(engine) as session:
                api_keys.create(session, person.id, "x", [api_keys.Scope.READ])
            done.append("made")
        except api_keys.AppError as error:
            done.append(error.code)

    threads = [threading.Thread(target=make) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["made", "too_many_api_keys", "too_many_api_keys"]
    refused = person.post("/users/me/api-keys", json={"name": "x", "scopes": ["read"]})
    assert (refused.status_code, refused.get_json(force=True)["code"]) == (409, "too_many_api_keys")
    with transaction(engine) as session:
        session.execute(update(ApiKey).where(ApiKey.id == UUID(_any(person))).values(revoked_at=func.now()))
    made(person)


def _any(person: Person) -> str:
    return str(person.get("/users/me/api-keys").json["items"][0]["key_id"])
