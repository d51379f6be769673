"""Accounts over HTTP. No mail gets out: each stays in the outbox with its link, to be read there."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from werkzeug.test import TestResponse

from shared.accounts import passwords, users
from shared.config import Settings
from shared.db import transaction
from shared.mails.templates import Template
from shared.models import OutgoingMail, new_id
from tests.web.conftest import PASSWORD, Person

NOBODY_LISTENS = "http://127.0.0.1:9"


def until_written() -> None:
    """Wait for the mails that are written behind an answer."""
    for thread in threading.enumerate():
        if thread.name == "letter":
            thread.join(60)


@dataclass
class Letters:
    """What is in the outbox."""

    engine: Engine

    def to(self, address: str, template: Template | None = None) -> list[OutgoingMail]:
        """The mails to an address, the oldest first, once those are written that are written behind an answer."""
        until_written()
        with transaction(self.engine) as session:
            found = session.scalars(select(OutgoingMail).where(OutgoingMail.to == address).order_by(OutgoingMail.id))
            return [mail for mail in found if template in (None, mail.template)]

    def token(self, address: str, template: Template) -> str:
        """The token in the link of the latest mail of that kind."""
        link = urlsplit(self.to(address, template)[-1].parameters["link"])
        return parse_qs(link.fragment)["token"][0]


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(ses_endpoint_url=NOBODY_LISTENS)


@pytest.fixture
def letters(engine: Engine) -> Letters:
    return Letters(engine)


def login(client: FlaskClient, email: str, password: str = PASSWORD, **kwargs: Any) -> TestResponse:
    return client.post("/auth/login", json={"email": email, "password": password}, **kwargs)


def problem(answer: TestResponse) -> tuple[int, str]:
    """(status, code) of a refusal."""
    return answer.status_code, answer.get_json(force=True)["code"]


@pytest.fixture
def join(app: Flask, engine: Engine) -> Callable[[str], Person]:
    """An account with PASSWORD, signed in."""

    def make(email: str) -> Person:
        with transaction(engine) as session:
            user = users.create(session, email, passwords.hash_password(PASSWORD))
        client = app.test_client()
        token = login(client, email).json["access_token"]
        return Person(user.id, client, {"Authorization": f"Bearer {token}"})

    return make


@pytest.fixture
def ana(join: Callable[[str], Person]) -> Person:
    return join("ana@onevoice.test")


@pytest.fixture
def address() -> str:
    return f"{new_id()}@onevoice.test"
