"""Passwords forgotten, set anew, changed."""

import threading
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, func, select, update

from shared.accounts import one_time, passwords
from shared.db import transaction
from shared.mails.templates import Template
from shared.models import OneTimeToken, User
from shared.webhooks import endpoints
from tests.web.accounts.conftest import Letters, login, problem, until_written
from tests.web.conftest import PASSWORD, Person
from web.database import db

ANA = "ana@onevoice.test"
OTHER = "another battery staple"


def forget(client: FlaskClient, email: str = ANA) -> tuple[int, object]:
    answer = client.post("/auth/forgot-password", json={"email": email})
    until_written()
    return answer.status_code, answer.json


def reset(client: FlaskClient, token: str, password: str = OTHER) -> tuple[int, str]:
    answer = client.post("/auth/reset-password", json={"token": token, "password": password})
    return answer.status_code, "" if answer.status_code == 204 else answer.get_json(force=True)["code"]


def test_a_forgotten_password(client: FlaskClient, ana: Person, letters: Letters) -> None:
    assert forget(client, ANA.upper())[0] == 202
    token = letters.token(ANA, Template.RESET_PASSWORD)
    assert reset(client, token) == (204, "")
    assert ana.get("/users/me").status_code == 401, "all sessions end"
    assert login(client, ANA).status_code == 401
    assert login(client, ANA, OTHER).status_code == 200
    assert reset(client, token) == (422, "token_invalid")
    assert [mail.template for mail in letters.to(ANA)] == ["reset_password", "password_set_anew"]


def test_a_reset_throws_everybody_out(
    client: FlaskClient, ana: Person, letters: Letters, engine: Engine, address: str
) -> None:
    key = ana.post("/users/me/api-keys", json={"name": "ci", "scopes": ["read"]}).json["key"]
    secret = ana.get("/users/me/webhook").json["secret"]
    with transaction(engine) as session:
        endpoints.put(session, ana.id, "https://example.com/planted")
    ana.post("/users/me/email", json={"email": address, "password": PASSWORD})
    forget(client)
    assert reset(client, letters.token(ANA, Template.RESET_PASSWORD)) == (204, "")
    assert client.get("/videos", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    with transaction(engine) as session:
        endpoint = endpoints.find(session, ana.id)
        assert (endpoint.url, endpoint.secret == secret) == (None, False)
    assert [mail.status for mail in letters.to(address)] == ["SKIPPED"]


def test_a_change_by_the_owner_keeps_the_keys(client: FlaskClient, ana: Person, engine: Engine) -> None:
    key = ana.post("/users/me/api-keys", json={"name": "ci", "scopes": ["read"]}).json["key"]
    with transaction(engine) as session:
        secret = endpoints.put(session, ana.id, "https://example.com/mine").secret
    body = {"current_password": PASSWORD, "new_password": OTHER}
    assert ana.put("/users/me/password", json=body).status_code == 204
    assert client.get("/videos", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    with transaction(engine) as session:
        endpoint = endpoints.find(session, ana.id)
        assert (endpoint.url, endpoint.secret) == ("https://example.com/mine", secret)


def test_after_a_reset_no_guess_counts_in_any_browser(client: FlaskClient, ana: Person, letters: Letters) -> None:
    for browser in (client, ana.client):
        assert 429 in [login(browser, ANA, "wrong").status_code for _ in range(13)]
    forget(client)
    assert reset(client, letters.token(ANA, Template.RESET_PASSWORD)) == (204, "")
    assert login(ana.client, ANA, "wrong").status_code == 401
    assert login(ana.client, ANA, OTHER).status_code == 200
    assert login(client, ANA, OTHER).status_code == 200


def test_what_a_reset_is_asked_with_tells_nothing_by_its_time(app: Flask, client: FlaskClient, ana: Person) -> None:
    """Before the answer the same statements run, whether there is an account or not."""
    here, said = threading.current_thread(), []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.current_thread() is here:
            said.append(statement)

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
    forget(client)
    known = said.copy()
    said.clear()
    forget(client, "nobody@onevoice.test")
    assert known == said != []


def test_the_answer_and_the_work_are_the_same_for_an_unknown_address(
    client: FlaskClient, ana: Person, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[bool] = []
    real = passwords.verify
    monkeypatch.setattr(passwords, "verify", lambda *given: verified.append(True) or real(*given))
    assert forget(client) == forget(client, "nobody@onevoice.test")
    assert len(verified) == 2
    assert letters.to("nobody@onevoice.test") == []


def test_a_refused_password_leaves_the_link_good(client: FlaskClient, ana: Person, letters: Letters) -> None:
    forget(client)
    token = letters.token(ANA, Template.RESET_PASSWORD)
    assert reset(client, token, "password123") == (422, "weak_password")
    assert reset(client, token, ANA) == (422, "weak_password")
    assert ana.get("/users/me").status_code == 200
    assert reset(client, token) == (204, "")


def test_only_the_latest_link_counts(client: FlaskClient, ana: Person, letters: Letters) -> None:
    forget(client)
    first = letters.token(ANA, Template.RESET_PASSWORD)
    forget(client)
    assert [mail.status for mail in letters.to(ANA)] == ["SKIPPED", "PENDING"], "a dead link is not worth sending"
    assert reset(client, first) == (422, "token_invalid")
    assert reset(client, letters.token(ANA, Template.RESET_PASSWORD)) == (204, "")


def test_a_link_expires(client: FlaskClient, ana: Person, letters: Letters, engine: Engine) -> None:
    forget(client)
    with transaction(engine) as session:
        session.execute(update(OneTimeToken).values(expires_at=func.now()))
    assert reset(client, letters.token(ANA, Template.RESET_PASSWORD)) == (410, "token_expired")
    with transaction(engine) as session:
        assert one_time.expire(session) == 0
        session.execute(update(OneTimeToken).values(expires_at=func.now() - timedelta(days=2)))
        assert one_time.expire(session) == 1


@pytest.mark.parametrize("token", ["x", "a" * 43, "é", " "])
def test_a_link_of_nobody(client: FlaskClient, token: str) -> None:
    assert reset(client, token) == (422, "token_invalid")


def test_a_link_of_another_kind_or_of_a_disabled_user(
    client: FlaskClient, ana: Person, letters: Letters, engine: Engine, address: str
) -> None:
    ana.post("/users/me/email", json={"email": address, "password": PASSWORD})
    assert reset(client, letters.token(address, Template.CONFIRM_NEW_EMAIL)) == (422, "token_invalid")
    forget(client)
    with transaction(engine) as session:
        session.execute(update(User).values(disabled_at=func.now()))
    assert reset(client, letters.token(ANA, Template.RESET_PASSWORD)) == (422, "token_invalid")
    before = len(letters.to(ANA))
    assert forget(client)[0] == 202
    assert len(letters.to(ANA)) == before


def test_links_asked_for_at_once_leave_one_good(app: Flask, ana: Person, letters: Letters, engine: Engine) -> None:
    at_once = threading.Barrier(4)

    def run() -> None:
        at_once.wait()
        forget(app.test_client())

    threads = [threading.Thread(target=run) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert [mail.status for mail in letters.to(ANA)].count("PENDING") == 1
    with transaction(engine) as session:
        good = select(func.count()).select_from(OneTimeToken).where(OneTimeToken.used_at.is_(None))
        assert session.scalar(good) == 1


def test_one_address_gets_five_mails_an_hour(client: FlaskClient, ana: Person, letters: Letters) -> None:
    assert {forget(client)[0] for _ in range(7)} == {202}
    assert len(letters.to(ANA)) == 5


def test_changing_it_ends_the_other_sessions_and_all_links(client: FlaskClient, ana: Person, letters: Letters) -> None:
    elsewhere = {"Authorization": f"Bearer {login(client, ANA).json['access_token']}"}
    forget(client)
    body = {"current_password": PASSWORD, "new_password": OTHER}
    assert ana.put("/users/me/password", json=body).status_code == 204
    assert ana.get("/users/me").status_code == 200
    assert client.get("/users/me", headers=elsewhere).status_code == 401
    assert reset(client, letters.token(ANA, Template.RESET_PASSWORD)) == (422, "token_invalid")
    assert login(client, ANA, OTHER).status_code == 200
    assert letters.to(ANA, Template.PASSWORD_CHANGED)


@pytest.mark.parametrize(
    ("body", "refusal", "field"),
    [
        ({"current_password": "wrong", "new_password": OTHER}, (403, "wrong_password"), "current_password"),
        ({"current_password": PASSWORD, "new_password": "short"}, (422, "weak_password"), "new_password"),
        ({"current_password": PASSWORD, "new_password": ANA}, (422, "weak_password"), "new_password"),
        ({"new_password": OTHER}, (422, "invalid_request"), "current_password"),
    ],
)
def test_bad_changes(ana: Person, body: dict[str, str], refusal: tuple[int, str], field: str, engine: Engine) -> None:
    answer = ana.put("/users/me/password", json=body)
    assert problem(answer) == refusal
    assert [error["field"] for error in answer.get_json(force=True)["errors"]] == [field]
    with transaction(engine) as session:
        assert passwords.verify(session.scalars(select(User.password_hash)).one(), PASSWORD)


def test_who_guesses_at_it_from_an_open_session_is_slowed_down(ana: Person) -> None:
    wrong = {"current_password": "wrong", "new_password": OTHER}
    codes = [problem(ana.put("/users/me/password", json=wrong)) for _ in range(13)]
    assert codes[:10] == [(403, "wrong_password")] * 10
    assert (429, "too_many_requests") in codes[10:]
