"""Connections that wait in the pool while the database goes away and comes back."""

from sqlalchemy import Engine, text

from tests.web.conftest import Person

OTHERS = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"


def test_a_connection_that_the_server_has_ended_is_replaced_unseen(engine: Engine, person: Person) -> None:
    assert person.get("/videos").status_code == 200
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        ended = connection.execute(text(f"select pg_terminate_backend(pid, 10000) {OTHERS}")).scalars().all()
    assert ended
    assert all(ended)
    assert person.get("/videos").status_code == 200
