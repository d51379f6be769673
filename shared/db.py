"""The database: plain engines and transactions. The web tier's Flask-SQLAlchemy is web/database.py."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from sqlalchemy import Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session

from shared.config import Settings

# A transaction left open while something slow runs is a bug of ours: the server ends it.
IDLE_IN_TRANSACTION_MS = 30_000


class CheckedPool(QueuePool):
    """Gives out no connection that the server has ended, and asks it nothing to know that (docs/decisions/0010)."""


@event.listens_for(CheckedPool, "checkout")
def _demand_silence(connection: "Connection[Any]", *_: object) -> None:
    """Nobody has asked anything on a pooled connection: when there is something to read, it is the end."""
    if connection.closed:
        raise DisconnectionError("closed")
    ears = select.poll()
    ears.register(connection.fileno(), select.POLLIN)
    if ears.poll(0):
        raise DisconnectionError("the server has ended it")


def engine_options(pool_size: int = 5) -> dict[str, Any]:
    """What every engine is made with: checked connections, UTC, and no idle transactions."""
    return {
        "poolclass": CheckedPool,
        "pool_size": pool_size,
        "max_overflow": pool_size,
        "connect_args": {
            "connect_timeout": 5,
            # A host that vanished is noticed in seconds and not in hours.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
            "options": f"-c timezone=utc -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}",
        },
    }


def make_engine(settings: Settings, pool_size: int = 5) -> Engine:
    """A new engine; make it after the fork, never before."""
    return create_engine(settings.database_url.get_secret_value(), **engine_options(pool_size))


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session whose block is one transaction: committed at the end, rolled back on any exception."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session
