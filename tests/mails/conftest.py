"""Mails over a real database and SES's stand-in."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select, update

from shared.config import Settings
from shared.db import transaction
from shared.mails import outbox
from shared.mails.sending import Sender
from shared.mails.templates import Template
from shared.models import OutgoingMail, new_id
from tests.mailbox import can_send


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return can_send(make_settings())


@pytest.fixture
def sender(engine: Engine, settings: Settings) -> Sender:
    return Sender(engine, settings)


@pytest.fixture
def to() -> str:
    """An address that nobody else writes to."""
    return f"{new_id()}@onevoice.test"


@pytest.fixture
def write(engine: Engine, to: str) -> Callable[..., UUID]:
    """Write a mail to `to`: `password_changed`, unless told otherwise."""

    def make(template: Template = Template.PASSWORD_CHANGED, address: str | None = None, **values: Any) -> UUID:
        with transaction(engine) as session:
            written = outbox.write(session, template, address or to, **{"locale": "en", **values})
        assert written is not None
        return written

    return make


@pytest.fixture
def row(engine: Engine) -> Callable[[UUID], OutgoingMail]:
    def get(mail_id: UUID) -> OutgoingMail:
        with transaction(engine) as session:
            return session.scalars(select(OutgoingMail).where(OutgoingMail.id == mail_id)).one()

    return get


@pytest.fixture
def due_again(engine: Engine) -> Callable[[], None]:
    """As if all waits were over."""

    def make() -> None:
        with transaction(engine) as session:
            session.execute(update(OutgoingMail).values(next_attempt_at=func.now()))

    return make
