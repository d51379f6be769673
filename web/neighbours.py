"""What a request works with: this installation's settings, bucket, queue and database."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from flask import Flask, current_app
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from shared import db
from shared.config import Settings
from shared.languages import Published
from shared.multipart import Multipart
from shared.queue import Queue
from shared.storage import Storage
from web.database import db as pool

KEY = "onevoice"


@dataclass(frozen=True)
class Neighbours:
    """One application's settings, its faces of S3 and SQS, and what its workers' engines can do."""

    settings: Settings
    storage: Storage
    multipart: Multipart
    queue: Queue
    published: Published


def attach(app: Flask, settings: Settings) -> None:
    """Give `app` its neighbours."""
    app.extensions[KEY] = Neighbours(settings, Storage(settings), Multipart(settings), Queue(settings), Published())


def neighbours() -> Neighbours:
    """Those of the application that answers the current request."""
    found: Neighbours = current_app.extensions[KEY]
    return found


def transaction() -> AbstractContextManager[Session]:
    """A session whose block is one transaction; never leave it open over a call to anything else."""
    return db.transaction(pool.engine)


@contextmanager
def single_statements() -> Iterator[Connection]:
    """A connection on which each statement is a transaction of its own: one way to the database and back, not three."""
    with pool.engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")
