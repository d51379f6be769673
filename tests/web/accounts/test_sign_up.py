"""Signing up, and the link that makes it true."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select, update

from shared.accounts import passwords, sign_up
from shared.db import transaction
from shared.mails.templates import Template
from shared.models import PendingUser, User
from tests.web.accounts.conftest import Letters, login, problem
from tests.web.conftest import PASSWORD, Person

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"


def ask(client: FlaskClient, email: str, password: str = PASSWORD, **more: str) -> dict[str, object]:
    """The answer, but for the name of the attempt."""
    answer = client.post("/auth/signup", json={"email": email, "password": password, **more})
    return {**answer.json, "status": answer.status_code, "attempt": len(answer.json["attempt"])}


def attempt(client: FlaskClient, email: str, password: str = PASSWORD, network: str = "203.0.113") -> str:
    """Sign up from somewhere; the attempt's name."""
    headers = {"X-Forwarded-For": f"{network}.7", "User-Agent": FIREFOX}
    answer = client.post("/auth/signup", json={"email": email, "password": password}, headers=headers)
    assert answer.status_code == 202
    return str(answer.json["attempt"])


def resend(client: FlaskClient, email: str, attempt: str | None = None) -> dict[str, object]:
    body = {"email": email} if attempt is None else {"email": email, "attempt": attempt}
    answer = client.post("/auth/resend-verification", json=body)
    return {**answer.json, "status": answer.status_code}


def verify(client: FlaskClient, token: str) -> tuple[int, str]:
    answer = client.post("/auth/verify-email", json={"token": token})
    return answer.status_code, answer.get_json(force=True).get("code", "")


def test_from_sign_up_to_signing_in(client: FlaskClient, letters: Letters, address: str) -> None:
    assert ask(client, address, name=" 안나 ", locale="ko")["status"] == 202
    assert problem(login(client, address)) == (401, "wrong_credentials")
    (mail,) = letters.to(address)
    assert (mail.template, mail.locale) == ("verify", "ko")
    assert verify(client, letters.token(address, Template.VERIFY)) == (200, "")
    token = login(client, address).json["access_token"]
    me = client.get("/users/me", headers={"Authorization": f"Bearer {token}"}).json
    assert (me["email"], me["name"], me["locale"], me["role"]) == (address, "안나", "ko", "user")
    seen = client.get("/users/me/activity", headers={"Authorization": f"Bearer {token}"}).json["items"]
    assert [item["kind"] for item in seen] == ["signed_in", "account_created"]


def test_an_address_with_an_account_gets_the_same_answer_and_another_mail(
    client: FlaskClient, ana: Person, letters: Letters, address: str, engine: Engine
) -> None:
    assert ask(client, "ANA@onevoice.test") == ask(client, address)
    (mail,) = letters.to("ana@onevoice.test")
    assert (mail.template, mail.user_id) == ("already_registered", ana.id)
    with transaction(engine) as session:
        assert session.scalars(select(PendingUser.email)).all() == [address]


def test_both_ways_hash_once(client: FlaskClient, ana: Person, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    real = passwords.hash_password
    monkeypatch.setattr(passwords, "hash_password", lambda password: hashed.append(password) or real(password))
    ask(client, "ana@onevoice.test")
    assert len(hashed) == 1
    ask(client, address)
    assert len(hashed) == 2


def test_a_link_lets_in_only_its_own_password(client: FlaskClient, letters: Letters, address: str) -> None:
    ask(client, address, "the password of somebody else")
    planted = letters.token(address, Template.VERIFY)
    ask(client, address)
    assert verify(client, letters.token(address, Template.VERIFY)) == (200, "")
    assert verify(client, planted) == (422, "token_invalid")
    assert login(client, address, "the password of somebody else").status_code == 401
    assert login(client, address).status_code == 200


def test_a_link_works_once(client: FlaskClient, letters: Letters, address: str) -> None:
    ask(client, address)
    token = letters.token(address, Template.VERIFY)
    assert verify(client, token) == (200, "")
    assert verify(client, token) == (422, "token_invalid")


def test_a_link_expires(client: FlaskClient, letters: Letters, address: str, engine: Engine) -> None:
    mine = attempt(client, address)
    with transaction(engine) as session:
        session.execute(update(PendingUser).values(expires_at=func.now()))
    assert verify(client, letters.token(address, Template.VERIFY)) == (410, "token_expired")
    resend(client, address, mine)
    assert verify(client, letters.token(address, Template.VERIFY)) == (200, "")


@pytest.mark.parametrize("token", ["x", "é" * 100, "a" * 43, "' or 1=1 --"])
def test_a_link_of_nobody(client: FlaskClient, token: str) -> None:
    assert verify(client, token) == (422, "token_invalid")


def test_a_token_of_another_kind_is_none(client: FlaskClient, ana: Person, letters: Letters) -> None:
    client.post("/auth/forgot-password", json={"email": "ana@onevoice.test"})
    assert verify(client, letters.token("ana@onevoice.test", Template.RESET_PASSWORD)) == (422, "token_invalid")


@pytest.mark.parametrize("body", [{}, {"token": ""}, {"token": "a" * 201}, {"token": 7}, {"token": "a", "more": 1}])
def test_what_is_no_token(client: FlaskClient, body: dict[str, object]) -> None:
    assert problem(client.post("/auth/verify-email", json=body)) == (422, "invalid_request")


def test_two_verifications_at_once_make_one_account(
    app: Flask, client: FlaskClient, letters: Letters, address: str, engine: Engine
) -> None:
    ask(client, address)
    ask(client, address)
    tokens = [mail.parameters["link"].rpartition("=")[2] for mail in letters.to(address)]
    outcomes: list[tuple[int, str]] = []
    barrier = threading.Barrier(4)

    def run(token: str) -> None:
        barrier.wait()
        outcomes.append(verify(app.test_client(), token))

    threads = [threading.Thread(target=run, args=(token,)) for token in [*tokens, *tokens]]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(outcomes) == [(200, ""), *[(422, "token_invalid")] * 3]
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1


def test_sending_again_ends_the_link_before(client: FlaskClient, letters: Letters, address: str) -> None:
    mine = attempt(client, address)
    old = letters.token(address, Template.VERIFY)
    known = resend(client, address.upper(), mine)
    assert known == resend(client, "nobody@onevoice.test", mine) == resend(client, "nobody@onevoice.test")
    assert known["status"] == 202
    assert verify(client, old) == (422, "token_invalid")
    assert verify(client, letters.token(address, Template.VERIFY)) == (200, "")
    assert letters.to("nobody@onevoice.test") == []


@pytest.mark.parametrize("before", range(6))
def test_nobody_can_plant_a_password(client: FlaskClient, letters: Letters, address: str, before: int) -> None:
    """Five sign-ups of a stranger's around hers: what she has sent again is her own link."""
    for _ in range(before):
        attempt(client, address, "planted by a stranger", network="198.51.100")
    mine = attempt(client, address)
    for _ in range(5 - before):
        attempt(client, address, "planted by a stranger", network="198.51.100")
    resend(client, address, mine)
    assert verify(client, letters.token(address, Template.VERIFY)) == (200, "")
    assert login(client, address, "planted by a stranger").status_code == 401
    assert login(client, address).status_code == 200


@pytest.mark.parametrize("named", [None, "01890a5d-ac96-774b-bcce-b302099a8057"])
def test_without_its_name_no_attempt_is_sent_again(
    client: FlaskClient, letters: Letters, address: str, named: str | None
) -> None:
    attempt(client, address, "planted by a stranger")
    planted = letters.token(address, Template.VERIFY)
    assert resend(client, address, named)["status"] == 202
    assert [mail.template for mail in letters.to(address)] == ["verify", "sign_up_again"]
    assert verify(client, planted) == (200, ""), "the link that was sent before is as good as it was"


def test_an_attempt_of_another_address_is_none(client: FlaskClient, letters: Letters, address: str) -> None:
    others = attempt(client, f"x{address}")
    attempt(client, address)
    resend(client, address, others)
    assert [mail.template for mail in letters.to(address)] == ["verify", "sign_up_again"]
    assert len(letters.to(f"x{address}")) == 1


def test_the_mail_says_when_and_from_where_the_attempt_was_made(
    client: FlaskClient, letters: Letters, address: str, engine: Engine
) -> None:
    mine = attempt(client, address)
    first = letters.to(address)[-1].parameters
    with transaction(engine) as session:
        session.execute(update(PendingUser).values(created_at=func.now() - timedelta(hours=3)))
        made = session.scalars(select(PendingUser.created_at)).one()
    resend(client, address, mine)
    second = letters.to(address)[-1].parameters
    assert (first["browser"], first["network"]) == ("Firefox on Linux", "203.0.113.0/24")
    assert (second["browser"], second["network"]) == (first["browser"], first["network"])
    assert second["asked"] == made.isoformat()


@pytest.mark.parametrize("agent", ["www.cheap.example/1.0", "curl/8.0", ""])
def test_a_program_does_not_get_its_name_into_the_mail(
    client: FlaskClient, letters: Letters, address: str, agent: str
) -> None:
    client.post("/auth/signup", json={"email": address, "password": PASSWORD}, headers={"User-Agent": agent})
    assert letters.to(address)[0].parameters["browser"] == ""


def test_a_newer_link_takes_the_place_of_a_mail_that_waits(client: FlaskClient, letters: Letters, address: str) -> None:
    others = attempt(client, address, "of somebody else")
    mine = attempt(client, address)
    resend(client, address, mine)
    assert [mail.status for mail in letters.to(address)] == ["PENDING", "SKIPPED", "PENDING"]
    assert letters.to(address)[1].parameters == {}
    assert verify(client, letters.token(address, Template.VERIFY)) == (200, "")
    assert {mail.status for mail in letters.to(address)} == {"SKIPPED"}
    assert others


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"email": "no address"}, "invalid_email"),
        ({"email": "a" * 400}, "invalid_request"),
        ({"password": ""}, "invalid_request"),
        ({"password": "a" * 1025}, "invalid_request"),
        ({"name": ""}, "invalid_request"),
        ({"name": "x" * 101}, "invalid_request"),
        ({"name": "two\nlines"}, "invalid_request"),
        ({"locale": "de"}, "invalid_request"),
        ({"role": "admin"}, "invalid_request"),
    ],
)
def test_bad_sign_ups(client: FlaskClient, changes: dict[str, str], code: str) -> None:
    body = {"email": "eva@onevoice.test", "password": PASSWORD, **changes}
    assert problem(client.post("/auth/signup", json=body)) == (422, code)


@pytest.mark.parametrize("email", ["ana@onevoice.test", "nobody-here@onevoice.test"])
@pytest.mark.parametrize("weak", ["short", "password123", "Password123", "aaaaaaaaaaaa", "{email}", "{local}"])
def test_weak_passwords_are_refused_with_or_without_an_account(
    client: FlaskClient, engine: Engine, email: str, weak: str
) -> None:
    weak = weak.format(email=email.upper(), local=email.partition("@")[0])
    answer = client.post("/auth/signup", json={"email": email, "password": weak})
    assert problem(answer) == (422, "weak_password")
    assert [error["field"] for error in answer.get_json(force=True)["errors"]] == ["password"]


def test_one_address_gets_five_mails_an_hour(client: FlaskClient, letters: Letters, address: str) -> None:
    answers = [ask(client, address) for _ in range(7)]
    assert all(answer == answers[0] for answer in answers)
    assert len(letters.to(address)) == 5


def test_who_asks_elsewhere_leaves_the_owner_their_mails(client: FlaskClient, letters: Letters, address: str) -> None:
    for _ in range(9):
        attempt(client, address, "of a stranger", network="198.51.100")
    assert len(letters.to(address)) == 5
    attempt(client, address)
    assert len(letters.to(address)) == 6


def test_all_networks_together_get_twenty_mails_an_hour(client: FlaskClient, letters: Letters, address: str) -> None:
    for number in range(25):
        attempt(client, address, network=f"198.51.{number}")
    assert len(letters.to(address)) == 20


@pytest.mark.parametrize("email", ["안나@onevoice.test", "anİ@onevoice.test", "ana@localhost", "ana@x.invalid"])
def test_what_can_not_be_written_to_is_refused(client: FlaskClient, email: str) -> None:
    answer = client.post("/auth/signup", json={"email": email, "password": PASSWORD})
    assert problem(answer) == (422, "invalid_email")
    assert login(client, email).status_code == 401


@pytest.mark.parametrize(
    ("signed_up", "spellings"),
    [
        (
            "ana@bücher.example.com",
            ["ana@xn--bcher-kva.example.com", "ANA@BÜCHER.example.com", "ａｎａ＠bücher.example.com"],
        ),
        ("eva@xn--bcher-kva.example.com", ["eva@bücher.example.com"]),
        ("ｐａｕ＠ｏｎｅvoice.test", ["pau@onevoice.test", "PAU@ONEVOICE.TEST"]),
    ],
)
def test_an_address_is_one_however_it_is_written(
    client: FlaskClient, letters: Letters, engine: Engine, signed_up: str, spellings: list[str]
) -> None:
    ask(client, signed_up)
    with transaction(engine) as session:
        kept = session.scalars(select(PendingUser.email)).one()
    assert verify(client, letters.token(kept, Template.VERIFY)) == (200, "")
    for spelling in [signed_up, *spellings]:
        assert login(client, spelling).status_code == 200, spelling
    ask(client, spellings[0])
    assert letters.to(kept)[-1].template == "already_registered"


def test_old_attempts_are_forgotten(
    client: FlaskClient, engine: Engine, address: str, make_settings: Callable[..., object]
) -> None:
    ask(client, address)
    ask(client, f"x{address}")
    with transaction(engine) as session:
        old = update(PendingUser).where(PendingUser.email == address)
        session.execute(old.values(expires_at=func.now() - timedelta(days=2)))
        assert sign_up.expire(session) == 1
        assert session.scalars(select(PendingUser.email)).all() == [f"x{address}"]
