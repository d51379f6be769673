"""The database's schema against the code's: upgrade it, or see whether it is behind.

`python -m shared.schema upgrade` migrates under an advisory lock, so that two deploys never migrate at once.
"""

import argparse
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from shared.config import settings_or_exit
from shared.db import make_engine

MIGRATION_LOCK = 0x0E_71_CE  # any constant; it only has to differ from other advisory locks of this database
MIGRATIONS = Path(__file__).parent / "migrations"


def _config() -> Config:
    return Config(MIGRATIONS / "alembic.ini")


@cache
def head() -> str:
    """The revision this code needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError("there are no migrations beside the code")
    return revision


@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def is_behind(engine: Engine) -> bool:
    """Whether the database lacks a migration this code needs. A newer database (expanded first) is not behind."""
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current is None or (current in _known() and current != head())


def upgrade(engine: Engine) -> str:
    """Migrate to the newest revision and return it; waits for another migration that is under way."""
    with engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        try:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("select pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()
    return head()


def main() -> None:
    """Command line: upgrade."""
    parser = argparse.ArgumentParser(prog="python -m shared.schema", description=__doc__)
    parser.add_argument("action", choices=["upgrade"], help="migrate the database to this code's revision")
    parser.parse_args()
    print(f"schema at {upgrade(make_engine(settings_or_exit()))}")  # noqa: T201 - said to whoever runs it


if __name__ == "__main__":
    main()
