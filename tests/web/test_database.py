"""Connections that wait in the pool while the database goes away and comes back."""

import pytest
from sqlalchemy import Engine, bindparam, func, literal, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from shared.prepared import Prepared
from tests.web.conftest import Person

OTHERS = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"


def test_a_connection_that_the_server_has_ended_is_replaced_unseen(engine: Engine, person: Person) -> None:
    assert person.get("/videos").status_code == 200
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        ended = connection.execute(text(f"select pg_terminate_backend(pid, 10000) {OTHERS}")).scalars().all()
    assert ended
    assert all(ended)
    assert person.get("/videos").status_code == 200


def test_a_statement_that_fails_is_the_databases_trouble(engine: Engine) -> None:
    """As SQLAlchemy would have said it, and with a fresh connection afterwards."""
    prepared = Prepared(select(func.pg_terminate_backend(func.pg_backend_pid())))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        with pytest.raises(OperationalError):
            prepared.rows(connection, {})
        assert connection.invalidated
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert Prepared(select(literal(1) + bindparam("more"))).rows(connection, {"more": 2}) == [(3,)]
        with pytest.raises(DBAPIError):
            Prepared(select(literal(1) / bindparam("by"))).rows(connection, {"by": 0})
