"""How often one may ask: from one address, and for one account."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select, update

from shared.accounts import attempts, passwords
from shared.accounts.attempts import Action
from shared.config import Settings
from shared.db import transaction
from shared.errors import AppError
from shared.models import Attempts
from tests.web.accounts.conftest import login, problem
from tests.web.conftest import Person

ANA = "ana@onevoice.test"


def come_from(*hops: str) -> dict[str, dict[str, str]]:
    return {"headers": {"X-Forwarded-For": ", ".join(hops)}}


def exhaust(client: FlaskClient, **kwargs: object) -> list[int]:
    """Malformed sign-ups: they cost nothing, and count."""
    return [client.post("/auth/signup", json={}, **kwargs).status_code for _ in range(11)]


def test_one_address_may_ask_so_often(client: FlaskClient) -> None:
    assert exhaust(client) == [422] * 10 + [429]
    refused = client.post("/auth/signup", json={})
    assert problem(refused) == (429, "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 61  # rounded up
    assert client.post("/auth/forgot-password", json={}).status_code == 422, "each call has its own count"


def test_what_the_client_writes_before_the_proxys_word_does_not_count(client: FlaskClient) -> None:
    forged = [come_from(f"10.0.0.{number}", "203.0.113.7") for number in range(11)]
    statuses = [client.post("/auth/signup", json={}, **headers).status_code for headers in forged]
    assert statuses == [422] * 10 + [429]
    assert client.post("/auth/signup", json={}, **come_from("203.0.113.7", "203.0.113.8")).status_code == 422


def test_behind_two_proxies(make_app: Callable[[Settings], Flask], make_settings: Callable[..., Settings]) -> None:
    client = make_app(make_settings(trusted_proxies=2)).test_client()
    forged = [come_from(f"10.0.0.{number}", "203.0.113.7", "192.0.2.1") for number in range(11)]
    assert [client.post("/auth/signup", json={}, **headers).status_code for headers in forged][-1] == 429
    assert client.post("/auth/signup", json={}, **come_from("203.0.113.8", "192.0.2.1")).status_code == 422


def test_without_a_proxy_nobodys_word_counts(
    make_app: Callable[[Settings], Flask], make_settings: Callable[..., Settings]
) -> None:
    client = make_app(make_settings(trusted_proxies=0)).test_client()
    forged = [come_from(f"203.0.113.{number}") for number in range(11)]
    assert [client.post("/auth/signup", json={}, **headers).status_code for headers in forged][-1] == 429


@pytest.mark.parametrize("hop", ["unknown", "x" * 5000, "::1%eth0", "1.2.3.4:567", ",,,"])
def test_an_odd_address_is_still_somebody(client: FlaskClient, hop: str) -> None:
    assert exhaust(client, **come_from(hop))[-1] == 429


def test_one_customer_of_ipv6_is_one(client: FlaskClient) -> None:
    statuses = [
        client.post("/auth/signup", json={}, **come_from(f"2001:db8:1:2::{number}")).status_code for number in range(11)
    ]
    assert statuses[-1] == 429
    assert client.post("/auth/signup", json={}, **come_from("2001:db8:1:3::1")).status_code == 422


def test_guessing_keys(client: FlaskClient, ana: Person) -> None:
    key = ana.post("/users/me/api-keys", json={"name": "ci", "scopes": ["read"]}).json["key"]
    good, bad = ({"headers": {"Authorization": f"Bearer {text}"}} for text in (key, "ov_0123456789"))
    assert {client.get("/videos", **good).status_code for _ in range(40)} == {200}
    statuses = [client.get("/videos", **bad).status_code for _ in range(31)]
    assert statuses == [401] * 30 + [429]
    assert problem(client.get("/languages/", **bad))[0] == 404
    assert ana.get("/videos").status_code == 200, "who has no key is not meant"


def guess(app: Flask, number: int, email: str = ANA, password: str = "wrong") -> tuple[int, int]:
    """(status, Retry-After) of a guess, each from another address."""
    answer = login(app.test_client(), email, password, **come_from(f"198.51.{number}.7"))
    return answer.status_code, int(answer.headers.get("Retry-After", 0))


def test_guesses_from_many_addresses_are_slowed_down_whether_there_is_an_account_or_not(
    app: Flask, ana: Person
) -> None:
    for email in (ANA, "nobody@onevoice.test"):
        found = [guess(app, number, email) for number in range(14)]
        assert [status for status, _ in found[:10]] == [401] * 10
        assert 429 in [status for status, _ in found[10:]], email
        assert all(1 <= wait <= 20 for status, wait in found if status == 429)


def test_the_counts_hold_across_instances(
    app: Flask, ana: Person, make_app: Callable[[Settings], Flask], settings: Settings
) -> None:
    other = make_app(settings)
    found = [guess(app if number % 2 else other, number)[0] for number in range(14)]
    assert found[:10] == [401] * 10
    assert 429 in found


def test_however_the_address_is_written_it_is_one(app: Flask, join: Callable[[str], Person]) -> None:
    join("iris@bücher.example.com")
    spellings = ["iris@bücher.example.com", "IRIS@xn--bcher-kva.example.com", "ｉｒｉｓ@BÜCHER.example.com"]
    found = [guess(app, number, spellings[number % 3])[0] for number in range(14)]
    assert found[:10] == [401] * 10
    assert 429 in found[10:]


@pytest.mark.parametrize("email", ["İris@onevoice.test", "irİs@onevoice.test", "İRİS@onevoice.test"])
def test_letters_that_only_look_alike_lead_to_no_account(
    client: FlaskClient, join: Callable[[str], Person], email: str
) -> None:
    """PostgreSQL and Python make different small letters of “İ”: one counted the guesses, the other found the user."""
    join("iris@onevoice.test")
    assert login(client, email).status_code == 401
    assert login(client, "IRIS@onevoice.test").status_code == 200


def test_what_is_no_address_is_slowed_down_as_any(app: Flask) -> None:
    found = [guess(app, number, "no address")[0] for number in range(14)]
    assert found[:10] == [401] * 10
    assert 429 in found[10:]


@contextmanager
def all_turns_taken() -> Iterator[None]:
    """As many hash as may at a time."""
    taken, over = threading.Barrier(passwords.AT_ONCE + 1), threading.Event()

    def hash_for_long() -> None:
        with passwords.turn():
            taken.wait()
            over.wait(30)

    threads = [threading.Thread(target=hash_for_long) for _ in range(passwords.AT_ONCE)]
    [thread.start() for thread in threads]
    taken.wait()
    try:
        yield
    finally:
        over.set()
        [thread.join() for thread in threads]


def test_who_is_sent_away_has_not_guessed(app: Flask, ana: Person, engine: Engine) -> None:
    with all_turns_taken():
        assert problem(login(app.test_client(), ANA)) == (503, "busy")
        assert problem(ana.delete("/users/me", json={"password": "wrong"})) == (503, "busy")
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(Attempts)) == 0
    assert login(app.test_client(), ANA).status_code == 200


def test_a_turn_is_for_all_that_is_hashed_in_it() -> None:
    with all_turns_taken():
        pass
    for _ in range(2 * passwords.AT_ONCE):
        with passwords.turn(), passwords.turn():
            assert not passwords.verify(None, "not the password")
    with all_turns_taken(), pytest.raises(AppError, match="Too many"):
        passwords.verify(None, "not the password")


def test_the_owner_gets_in_where_they_signed_in_before(app: Flask, ana: Person) -> None:
    assert 429 in [guess(app, number)[0] for number in range(14)]
    assert login(ana.client, ANA).status_code == 200
    assert login(ana.client, "ANA@onevoice.test").status_code == 200
    assert 429 in [guess(app, number)[0] for number in range(2)], "which helps nobody else"


def test_the_cookie_is_no_help_for_another_account(app: Flask, ana: Person, join: Callable[[str], Person]) -> None:
    join("ben@onevoice.test")
    statuses = [login(ana.client, "ben@onevoice.test", "wrong").status_code for _ in range(14)]
    assert 429 in statuses


def test_the_right_password_ends_the_count(app: Flask, ana: Person, engine: Engine) -> None:
    assert [guess(app, number)[0] for number in range(9)] == [401] * 9
    assert guess(app, 10, ANA, "correct horse battery")[0] == 200
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(Attempts)) == 0


def test_waits_grow_and_end() -> None:
    assert [attempts.wait_seconds(n) for n in range(11, 18)] == [5, 10, 20, 40, 80, 160, 180]
    assert attempts.wait_seconds(1_000_000) == attempts.LONGEST_WAIT


def test_who_waits_gets_a_turn(engine: Engine) -> None:
    """Each wait ends, and the next one is longer."""

    def look() -> int:
        try:
            with transaction(engine) as session:
                attempts.guess(session, Action.SIGN_IN, ANA)
        except AppError as error:
            return error.retry_after or 0
        return 0

    def wait(seconds: int) -> None:
        with transaction(engine) as session:
            turns = update(Attempts).where(Attempts.action == "sign_in_turn")
            session.execute(turns.values(window_start=Attempts.window_start - timedelta(seconds=seconds)))

    assert [look() for _ in range(10)] == [0] * 10
    for expected in (5, 10, 20, 40, 80, 160, 180, 180):
        assert expected - 3 <= look() <= expected
        wait(expected)
        assert look() == 0


def test_guesses_at_once_are_not_more(engine: Engine) -> None:
    """Twenty at the same moment: ten are looked at."""
    looked: list[bool] = []

    def look() -> None:
        try:
            with transaction(engine) as session:
                attempts.guess(session, Action.SIGN_IN, ANA)
        except AppError:
            return
        looked.append(True)

    threads = [threading.Thread(target=look) for _ in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(looked) == 10


def test_old_counts_are_forgotten(engine: Engine) -> None:
    with transaction(engine) as session:
        assert attempts.allowed(session, Action.RESET_MAIL, ANA, attempts.MAILS)
        assert attempts.expire(session) == 0
        session.execute(update(Attempts).values(window_start=func.now() - func.make_interval(0, 0, 0, 2)))
        assert attempts.expire(session) == 1


def test_no_address_is_kept(engine: Engine) -> None:
    with transaction(engine) as session:
        attempts.allowed(session, Action.RESET_MAIL, ANA, attempts.MAILS)
        (subject,) = session.scalars(select(Attempts.subject))
    assert "ana" not in subject
    assert len(subject) == 64
