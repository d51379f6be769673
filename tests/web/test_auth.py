"""Signing in, and the guard in front of everything."""

import io
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token, decode_token
from sqlalchemy import Engine, func, select, update

from shared.accounts import passwords, users
from shared.config import Settings
from shared.db import transaction
from shared.models import User, new_id
from tests.web.conftest import PASSWORD, Person
from web import signing


def login(client: FlaskClient, email: str, password: str = PASSWORD) -> dict[str, object]:
    answer = client.post("/auth/login", json={"email": email, "password": password})
    return {"status": answer.status_code, **(answer.json or {})}


def test_login_gives_a_token_that_opens(client: FlaskClient, account: str, settings: Settings) -> None:
    answer = login(client, account.upper())
    assert (answer["status"], answer["token_type"], answer["expires_in"]) == (
        200,
        "Bearer",
        settings.access_token_seconds,
    )
    opened = client.get("/videos", headers={"Authorization": f"Bearer {answer['access_token']}"})
    assert (opened.status_code, opened.json) == (200, {"items": [], "next_cursor": None})


def test_unknown_and_wrong_get_the_same_answer(client: FlaskClient, account: str) -> None:
    wrong = login(client, account, "not the password")
    unknown = login(client, "nobody@onevoice.test", "not the password")
    assert wrong.pop("request_id") != unknown.pop("request_id")
    assert wrong == unknown
    assert (wrong["status"], wrong["code"]) == (401, "wrong_credentials")


def test_unknown_and_wrong_take_the_same_work() -> None:
    """The dummy has the parameters of a real hash, so that Argon2 does the same with it."""
    real = passwords.hash_password(PASSWORD)
    assert real.split("$")[:4] == passwords.nobody().split("$")[:4]
    assert [len(part) for part in real.split("$")] == [len(part) for part in passwords.nobody().split("$")]
    took = []
    for stored in (real, None):
        started = time.process_time()
        assert not passwords.verify(stored, "not the password")
        took.append(time.process_time() - started)
    assert max(took) < 5 * min(took)


def test_a_disabled_user_is_out_at_once(client: FlaskClient, account: str, engine: Engine) -> None:
    token = login(client, account)["access_token"]
    with transaction(engine) as session:
        session.execute(update(User).values(disabled_at=func.now()))
    refused = client.get("/videos", headers={"Authorization": f"Bearer {token}"})
    assert (refused.status_code, refused.json and refused.json["code"]) == (401, "not_authenticated")
    assert login(client, account)["code"] == "wrong_credentials"


def test_an_old_hash_is_made_anew(client: FlaskClient, engine: Engine) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)
    with transaction(engine) as session:
        users.create(session, "old@onevoice.test", old)
    assert login(client, "old@onevoice.test")["status"] == 200
    with transaction(engine) as session:
        fresh = session.scalars(select(User.password_hash)).one()
    assert fresh != old
    assert not passwords.is_outdated(fresh)
    assert login(client, "old@onevoice.test")["status"] == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Basic YTpi",
        "Bearer ov_0123456789",
        "bearer x y z",
        "Bearer \xff",
    ],
)
def test_bad_credentials(client: FlaskClient, header: str) -> None:
    answer = client.get("/videos", headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.json and answer.json["code"]) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_schemes_case_does_not_matter(person: Person, scheme: str) -> None:
    token = person.headers["Authorization"].removeprefix("Bearer ")
    assert person.client.get("/videos", headers={"Authorization": f"{scheme} {token}"}).status_code == 200


def test_logins_wait_shortly_for_their_turn(client: FlaskClient, account: str) -> None:
    """A thread that waits is one that does not answer /health."""
    turns = [passwords._Turn() for _ in range(passwords.AT_ONCE)]
    for turn in turns:
        turn.__enter__()
    try:
        started = time.monotonic()
        answer = client.post("/auth/login", json={"email": account, "password": PASSWORD})
        took = time.monotonic() - started
    finally:
        for turn in turns:
            turn.__exit__()
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (503, "busy")
    assert answer.headers["Retry-After"] == "5"
    assert took < 3
    assert login(client, account)["status"] == 200


def test_an_expired_token_says_so(app: Flask, person: Person) -> None:
    with app.app_context():
        token = create_access_token(identity=str(person.id), expires_delta=timedelta(seconds=-10))
    answer = person.client.get("/videos", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json and answer.json["code"]) == (401, "token_expired")


@pytest.mark.parametrize("identity", ["", "someone", str(UUID(int=0)), "01890a5d-ac96-774b-bcce-b302099a8057"])
def test_a_token_of_nobody(app: Flask, client: FlaskClient, identity: str) -> None:
    with app.app_context():
        token = create_access_token(identity=identity)
    answer = client.get("/videos", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json and answer.json["code"]) == (401, "not_authenticated")


def test_a_token_of_another_installation(
    app: Flask,
    client: FlaskClient,
    person: Person,
    make_app: Callable[[Settings], Flask],
    make_settings: Callable[..., Settings],
) -> None:
    with make_app(make_settings()).app_context():
        token = create_access_token(identity=str(person.id))
    assert client.get("/videos", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_a_token_in_the_address_is_not_looked_at(person: Person) -> None:
    token = person.headers["Authorization"].removeprefix("Bearer ")
    assert person.client.get(f"/videos?jwt={token}").status_code == 401


def test_a_token_lives_as_long_as_the_settings_say(
    app: Flask, client: FlaskClient, account: str, settings: Settings
) -> None:
    with app.app_context():
        claims = decode_token(str(login(client, account)["access_token"]))
    assert claims["exp"] - claims["iat"] == settings.access_token_seconds


def test_create_user_command(app: Flask, client: FlaskClient) -> None:
    run = app.test_cli_runner()
    made = run.invoke(
        args=["users", "create", "eva@onevoice.test", "--password-stdin"], input=io.StringIO(f"{PASSWORD}\n").read()
    )
    assert (made.exit_code, made.output) == (0, "created eva@onevoice.test\n")
    assert login(client, "EVA@onevoice.test")["status"] == 200
    again = run.invoke(args=["users", "create", "Eva@onevoice.test", "--password-stdin"], input=f"{PASSWORD}\n")
    assert again.exit_code == 1
    assert "account with this address already" in again.output


@pytest.mark.parametrize(
    ("email", "password", "sentence"),
    [("eva@onevoice.test", "short", "at least|10 to 1024"), ("no address", PASSWORD, "not an e-mail address")],
)
def test_create_user_command_refuses(app: Flask, email: str, password: str, sentence: str) -> None:
    done = app.test_cli_runner().invoke(args=["users", "create", email, "--password-stdin"], input=password)
    assert done.exit_code == 1
    assert any(part in done.output for part in sentence.split("|"))


def test_create_user_command_asks(app: Flask, client: FlaskClient) -> None:
    done = app.test_cli_runner().invoke(
        args=["users", "create", "eva@onevoice.test"], input=f"{PASSWORD}\n{PASSWORD}\n"
    )
    assert done.exit_code == 0
    assert PASSWORD not in done.output
    assert login(client, "eva@onevoice.test")["status"] == 200


def test_a_checked_token_is_known_until_it_expires() -> None:
    tokens, owner = signing.CheckedTokens(), (new_id(), new_id())
    tokens.keep("Bearer a", owner, time.time() + 60)
    tokens.keep("Bearer b", owner, time.time() - 1)
    assert tokens.owner("Bearer a") == owner
    assert tokens.owner("Bearer b") is None
    assert tokens.owner("Bearer c") is None


def test_no_number_of_tokens_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "MOST_KEPT", 10)
    tokens, owner = signing.CheckedTokens(), (new_id(), new_id())
    for number in range(100):
        tokens.keep(f"Bearer {number}", owner, time.time() + 60)
        assert tokens.owner(f"Bearer {number}") == owner
    assert sum(tokens.owner(f"Bearer {number}") is not None for number in range(100)) <= 10
