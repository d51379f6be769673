"""What operators type."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from shared.accounts import operators
from shared.db import transaction
from shared.models import User
from tests.factories import a_user
from tests.web.conftest import PASSWORD, Person


def run(app: Flask, *args: str) -> tuple[int, str]:
    done = app.test_cli_runner().invoke(args=["users", *args])
    return done.exit_code, done.output


def test_list_says_who_there_is(app: Flask, engine: Engine) -> None:
    addresses = [f"{name}@onevoice.test" for name in ("ana", "eva", "pau", "zoe", "kim")]
    for address in addresses:
        a_user(engine, address)
    assert run(app, "disable", "eva@onevoice.test")[0] == 0
    code, output = run(app, "list")
    lines = [line.split("\t") for line in output.splitlines()]
    assert (code, [line[0] for line in lines]) == (0, addresses)
    assert [line[1:3] for line in lines[:2]] == [["user", "active"], ["user", "disabled"]]
    with transaction(engine) as session:
        first = operators.listed(session, limit=3)
        rest = operators.listed(session, first[-1].id, limit=3)
    assert [user.email for user in (*first, *rest)] == addresses


def test_disable_ends_everything_at_once(app: Flask, person: Person, engine: Engine) -> None:
    with transaction(engine) as session:
        email = session.scalars(select(User.email)).one()
    assert run(app, "disable", email.upper()) == (0, f"disabled {email.upper()}; sessions ended: 1\n")
    assert person.get("/videos").status_code == 401
    assert run(app, "disable", email)[1].endswith("sessions ended: 0\n")


def test_promote_opens_what_is_for_operators_at_once(
    app: Flask, person: Person, sign_in: Callable[[Flask], Person], engine: Engine
) -> None:
    with transaction(engine) as session:
        email = session.scalars(select(User.email)).one()
    assert person.get("/admin/users").status_code == 403
    assert run(app, "promote", email) == (0, f"{email} is an admin\n")
    assert person.get("/admin/users").status_code == 200
    assert sign_in(app).get("/admin/users").status_code == 403


def test_an_account_can_be_an_operators_from_the_start(app: Flask, engine: Engine) -> None:
    typed = ["users", "create", "ops@onevoice.test", "--password-stdin", "--operator"]
    assert app.test_cli_runner().invoke(args=typed, input=f"{PASSWORD}\n").exit_code == 0
    assert run(app, "list")[1].split("\t")[:3] == ["ops@onevoice.test", "admin", "active"]


@pytest.mark.parametrize("command", ["disable", "promote"])
def test_there_is_no_such_account(app: Flask, command: str) -> None:
    code, output = run(app, command, "nobody@onevoice.test")
    assert (code, output) == (1, "Error: There is no such account.\n")


@pytest.mark.parametrize("password", ["password123", "eva@onevoice.test", "aaaaaaaaaaaa"])
def test_create_takes_no_password_that_is_tried_first(app: Flask, password: str) -> None:
    create = ["users", "create", "eva@onevoice.test", "--password-stdin"]
    done = app.test_cli_runner().invoke(args=create, input=f"{password}\n")
    assert (done.exit_code, run(app, "list")[1]) == (1, "")
    assert "password" in done.output


@pytest.mark.parametrize("command", ["disable", "promote"])
def test_an_address_is_found_however_it_is_written(app: Flask, engine: Engine, command: str) -> None:
    a_user(engine, "eva@bücher.example.com")
    assert run(app, command, "EVA@xn--bcher-kva.example.com")[0] == 0


def test_create_and_list_agree(app: Flask) -> None:
    made = app.test_cli_runner().invoke(
        args=["users", "create", "eva@onevoice.test", "--password-stdin"], input=f"{PASSWORD}\n"
    )
    assert made.exit_code == 0
    assert run(app, "list")[1].startswith("eva@onevoice.test\tuser\tactive\t20")
