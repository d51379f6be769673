"""Sending a mail as soon as the transaction that wrote it is committed."""

from collections.abc import Callable
from functools import partial
from threading import BoundedSemaphore, Lock, Thread
from uuid import UUID

from flask import Flask, current_app
from sqlalchemy import Engine

from shared import log
from shared.accounts.users import Transaction
from shared.config import Settings
from shared.db import transaction
from shared.mails.sending import Sender
from web.database import db
from web.neighbours import neighbours

KEY = "onevoice_post"
# Mails on their way at a time; what is more is left to the ticker, which comes within seconds.
AT_ONCE = 8
logger = log.get(__name__)
# What writes a mail, in transactions of its own; the mail's id, None where there is nothing to send.
Writer = Callable[[Transaction], UUID | None]


class Post:
    """Tries mails once, each in a thread of its own, which the end of the process waits for."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._transaction: Transaction = partial(transaction, engine)
        self._sender = Sender(engine, settings)
        self._room = BoundedSemaphore(AT_ONCE)

    def write_behind(self, write: Writer) -> None:
        """Begin to write a mail and to send it. Who calls this has hashed before, so there are never many at a time."""
        try:
            Thread(target=self._write, args=[write], name="letter", daemon=False).start()
        except RuntimeError:  # no more threads, or the process is ending: a mail that is late is better than none
            self._write(write)

    def try_once(self, mail_id: UUID) -> None:
        """Begin to send the mail, unless too many are on their way."""
        if not self._room.acquire(blocking=False):
            return
        try:
            Thread(target=self._try, args=[mail_id], name="mail", daemon=False).start()
        except RuntimeError as error:  # no more threads, or the process is ending
            self._room.release()
            logger.warning("the mail is left to the ticker", mail=str(mail_id), error=str(error))

    def _write(self, write: Writer) -> None:
        try:
            mail_id = write(self._transaction)
        except Exception as error:  # noqa: BLE001 - named in the log; nobody waits for this any more
            logger.error("a mail could not be written", error=repr(error))  # noqa: TRY400
            return
        if mail_id is not None:
            self.try_once(mail_id)

    def _try(self, mail_id: UUID) -> None:
        try:
            self._sender.send_one(mail_id)
        except Exception as error:  # noqa: BLE001 - named in the log, and the ticker goes on
            logger.warning("the mail is left to the ticker", mail=str(mail_id), error=repr(error))
        finally:
            self._room.release()


def send_now(mail_id: UUID | None) -> None:
    """Try the mail once, after the commit that wrote it; whatever goes wrong, the ticker goes on. Never raises.

    It does not wait: an answer must not take longer for an address that gets a mail than for one that gets none.
    """
    if mail_id is not None:
        _post(current_app).try_once(mail_id)


def write_behind(write: Writer) -> None:
    """Write a mail and send it, while the answer goes out: how long that takes tells nothing about what is written.

    A process that dies in that moment loses it: only for what is asked for again when no mail comes.
    """
    _post(current_app).write_behind(write)


_MAKING = Lock()


def _post(app: Flask) -> Post:
    with _MAKING:
        if KEY not in app.extensions:
            app.extensions[KEY] = Post(db.engine, neighbours().settings)
        found: Post = app.extensions[KEY]
        return found
