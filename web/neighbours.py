"""What a request works with: this installation's settings, bucket, queue and database."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from flask import Flask, current_app
from sqlalchemy.orm import Session

from shared import db
from shared.config import Settings
from shared.queue import Queue
from shared.storage import Storage

KEY = "onevoice"


@dataclass(frozen=True)
class Neighbours:
    """One application's settings and its faces of S3 and SQS."""

    settings: Settings
    storage: Storage
    queue: Queue


def attach(app: Flask, settings: Settings) -> None:
    """Give `app` its neighbours."""
    app.extensions[KEY] = Neighbours(settings, Storage(settings), Queue(settings))


def neighbours() -> Neighbours:
    """Those of the application that answers the current request."""
    found: Neighbours = current_app.extensions[KEY]
    return found


def transaction() -> AbstractContextManager[Session]:
    """A session whose block is one transaction; never leave it open over a call to anything else."""
    return db.transaction(db.db.engine)
