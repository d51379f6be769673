"""Alembic's environment: migrates the connection it is given, else the database that the settings name."""

from alembic import context

from shared.config import settings_or_exit
from shared.db import make_engine
from shared.models import Base


def migrate() -> None:
    """Run the migrations in one transaction."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _run(connection)
        return
    with make_engine(settings_or_exit()).connect() as opened:
        _run(opened)
        opened.commit()


def _run(connection) -> None:  # type: ignore[no-untyped-def]
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


migrate()
