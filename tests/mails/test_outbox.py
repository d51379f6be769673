"""What is written, and that nothing is written twice."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from shared.db import transaction
from shared.mails import outbox
from shared.mails.templates import Template
from shared.models import OutgoingMail


def test_the_same_thing_is_told_once_however_many_tell_it(engine, to):
    written, gate = [], threading.Barrier(10)

    def tell():
        gate.wait()
        with transaction(engine) as session:
            written.append(outbox.write(session, Template.PASSWORD_CHANGED, to, locale="ko", once="job:1:1:COMPLETED"))

    threads = [threading.Thread(target=tell) for _ in range(10)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(written) == 10
    assert len([mail_id for mail_id in written if mail_id]) == 1


def test_it_goes_with_its_transaction(engine, to):
    def told_and_failed():
        with transaction(engine) as session:
            outbox.write(session, Template.PASSWORD_CHANGED, to, locale="en")
            raise OSError("no")

    with pytest.raises(OSError, match="no"):
        told_and_failed()
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(OutgoingMail)) == 0


@pytest.mark.parametrize("parameters", [{}, {"link": "x"}, {"link": "x", "expires": datetime.now(UTC), "name": "Kim"}])
def test_a_template_takes_its_own_parameters(engine, to, parameters):
    with transaction(engine) as session, pytest.raises(ValueError, match="verify takes"):
        outbox.write(session, Template.VERIFY, to, locale="en", **parameters)


def test_a_time_needs_its_zone(engine, to):
    naive = datetime.now(UTC).replace(tzinfo=None)
    with transaction(engine) as session, pytest.raises(ValueError, match="zone"):
        outbox.write(session, Template.RESET_PASSWORD, to, locale="en", link="x", expires=naive)


def test_mails_of_long_ago_are_forgotten_but_none_that_waits(engine, write, row):
    _, waiting, young = write(), write(), write()
    with transaction(engine) as session:
        long_ago = func.now() - timedelta(days=outbox.KEPT_DAYS + 1)
        session.execute(update(OutgoingMail).where(OutgoingMail.id != young).values(created_at=long_ago))
        session.execute(update(OutgoingMail).where(OutgoingMail.id != waiting).values(status="SENT"))
    with transaction(engine) as session:
        assert outbox.forget(session) == 1
        assert set(session.scalars(select(OutgoingMail.id))) == {waiting, young}
