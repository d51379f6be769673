"""Sending what the outbox holds: claimed for a while, sent without a transaction open, recorded, tried again.

A mail is sent once, but for one seam: the mail service took it and the row does not say so yet. Whoever dies there, or
never sees the service's answer, lets it be sent once more. So the service is called once a claim, its answer is
recorded at once and recording is tried again while the claim holds. Better twice than never.
"""

import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Select, case, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared import log
from shared.accounts import unsubscribe
from shared.config import Settings
from shared.db import transaction
from shared.errors import PermanentError, TransientError
from shared.mail import CONNECT_SECONDS, READ_SECONDS, Mail, Mailer
from shared.mails import links, templates
from shared.mails.templates import Template, Topic
from shared.models import NotificationPreferences, OutgoingMail, User

AT_ONCE = 8
FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 5.0, 900.0
# Waits before each try to record what became of a mail (seconds).
RECORD_WAITS = (0.0, 0.5, 2.0, 8.0)
# A claim holds for twice as long as sending and recording take.
HOLD_SECONDS = 2 * (CONNECT_SECONDS + READ_SECONDS + sum(RECORD_WAITS))
LONGEST_ERROR = 500
NECESSARY = tuple(template.value for template in Template if template.topic is None)
logger = log.get(__name__)


@dataclass(frozen=True)
class Claimed:
    """A mail that is ours to send; `attempt` counts from 1 and is the fence of what is recorded."""

    id: UUID
    user_id: UUID | None
    to: str
    template: str
    locale: str
    parameters: Mapping[str, Any]
    attempt: int


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt: the status to write; PENDING: it comes again unless its time is up.

    `is_away`: the mail service is in trouble, and would be for any other mail.
    """

    status: str
    message_id: str | None = None
    error: str | None = None
    is_away: bool = False


class Sender:
    """Sends mails of the outbox behind `engine`; may be used by several threads."""

    def __init__(self, engine: Engine, settings: Settings, mailer: Mailer | None = None) -> None:
        self._transaction: Callable[[], AbstractContextManager[Session]] = partial(transaction, engine)
        self._settings = settings
        self._mailer = mailer or Mailer(settings)

    def send_one(self, mail_id: UUID) -> bool:
        """Try this mail if it is due and nobody else is at it. Whether it went out."""
        with self._transaction() as session:
            claimed = _claim(session, _due().where(OutgoingMail.id == mail_id))
        return bool(claimed) and self._deliver(claimed[0]).status == "SENT"

    def send_due(self) -> int:
        """Send until nothing is due or the mail service is in trouble; how many were tried.

        Necessary mails go first, however many others wait.
        """
        tried = 0
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="mail") as threads:
            while True:
                with self._transaction() as session:
                    batch = _claim(session, _due().limit(AT_ONCE))
                outcomes = list(threads.map(self._deliver, batch))
                tried += len(batch)
                if len(batch) < AT_ONCE or any(outcome.is_away for outcome in outcomes):
                    return tried

    def _deliver(self, claimed: Claimed) -> Outcome:
        outcome = self._tried(claimed)
        said = {"mail": str(claimed.id), "template": claimed.template, "status": outcome.status}
        logger.info("mail", **said, attempt=claimed.attempt, message_id=outcome.message_id, error=outcome.error)
        try:
            self._record(claimed, outcome)
        except DBAPIError as error:
            logger.error("the mail's end is not recorded; it comes again", mail=str(claimed.id), error=str(error))  # noqa: TRY400
        return outcome

    def _tried(self, claimed: Claimed) -> Outcome:
        try:
            return self._send(claimed)
        except Exception as error:  # noqa: BLE001 - named in the row and the log, and the mail comes again
            return Outcome("PENDING", error=f"It can't be written: {error!r}")

    def _send(self, claimed: Claimed) -> Outcome:
        if _is_late(claimed.parameters):
            return Outcome("FAILED", error="The link in it expired before it could be sent.")
        topic = Template(claimed.template).topic
        if topic is not None and not self._is_wanted(claimed.user_id, topic):
            return Outcome("SKIPPED")
        try:
            return Outcome("SENT", message_id=self._mailer.send(self._mail(claimed, topic)))
        except PermanentError as error:
            return Outcome("FAILED", error=error.message)
        except TransientError as error:
            return Outcome("PENDING", error=error.message, is_away=True)

    def _is_wanted(self, user_id: UUID | None, topic: Topic) -> bool:
        with self._transaction() as session:
            return is_wanted(session, user_id, topic)

    def _mail(self, claimed: Claimed, topic: Topic | None) -> Mail:
        template, rest = Template(claimed.template), (claimed.to, claimed.locale, claimed.parameters)
        if topic is None or claimed.user_id is None:
            return templates.render(template, *rest)
        token = unsubscribe.link_token(self._settings, claimed.user_id, topic.value)
        page = links.unsubscribe(self._settings, token)
        return replace(
            templates.render(template, *rest, unsubscribe_page=page),
            headers={
                "List-Unsubscribe": f"<{links.unsubscribe_post(self._settings, token)}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        )

    def _record(self, claimed: Claimed, outcome: Outcome) -> None:
        for wait in RECORD_WAITS:
            time.sleep(wait)
            try:
                with self._transaction() as session:
                    record(session, claimed, outcome, self._settings)
            except DBAPIError as error:
                if wait == RECORD_WAITS[-1]:
                    raise
                logger.warning("the mail's end is not recorded yet", mail=str(claimed.id), error=str(error))
            else:
                return


def is_wanted(session: Session, user_id: UUID | None, topic: Topic) -> bool:
    """Whether the user still has an account in use and has not turned the topic off."""
    in_use = select(User.id).where(User.id == user_id, User.deleted_at.is_(None), User.disabled_at.is_(None))
    if session.scalar(in_use) is None:
        return False
    chosen: Any = NotificationPreferences.__table__.c[topic.value]
    found = session.scalar(select(chosen).where(NotificationPreferences.user_id == user_id))
    return bool(chosen.default.arg if found is None else found)


def record(session: Session, claimed: Claimed, outcome: Outcome, settings: Settings) -> None:
    """Write how the attempt ended: over, or due again after a backoff until its time is up. Over, it keeps no token."""
    mine = update(OutgoingMail).where(
        OutgoingMail.id == claimed.id, OutgoingMail.attempts == claimed.attempt, OutgoingMail.status == "PENDING"
    )
    error = outcome.error and outcome.error[:LONGEST_ERROR]
    if outcome.status != "PENDING":
        sent_at = func.now() if outcome.status == "SENT" else None
        over = mine.values(status=outcome.status, message_id=outcome.message_id, sent_at=sent_at, parameters={})
        session.execute(over.values(error=error))
        return
    next_at = func.now() + timedelta(seconds=backoff(claimed.attempt))
    given_up: ColumnElement[bool] = next_at > OutgoingMail.created_at + timedelta(seconds=settings.mail_give_up_seconds)
    values = {
        "status": case((given_up, "FAILED"), else_="PENDING"),
        "parameters": case((given_up, func.jsonb_build_object()), else_=OutgoingMail.parameters),
    }
    session.execute(mine.values(next_attempt_at=next_at, error=error, **values))


def backoff(attempt: int) -> float:
    """Seconds to wait after the n-th attempt: doubling from 5 s to 15 min, of which half is left to chance."""
    whole = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(attempt - 1, 30))
    return whole * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load and keeps no secret


def _due() -> Select[UUID]:
    """The mails to try now that no other transaction is claiming, necessary ones first, then oldest first."""
    last = OutgoingMail.template.not_in(NECESSARY)
    return (
        select(OutgoingMail.id)
        .where(OutgoingMail.status == "PENDING", OutgoingMail.next_attempt_at <= func.now())
        .order_by(last, OutgoingMail.next_attempt_at)
        .with_for_update(skip_locked=True)
    )


def _claim(session: Session, due: Select[UUID]) -> list[Claimed]:
    """Take them by pushing their next attempt ahead: who dies with them in hand lets them come again."""
    ids = session.scalars(due).all()
    claimed = (
        update(OutgoingMail)
        .where(OutgoingMail.id.in_(ids))
        .values(attempts=OutgoingMail.attempts + 1, next_attempt_at=func.now() + timedelta(seconds=HOLD_SECONDS))
        .returning(
            OutgoingMail.id,
            OutgoingMail.user_id,
            OutgoingMail.to,
            OutgoingMail.template,
            OutgoingMail.locale,
            OutgoingMail.parameters,
            OutgoingMail.attempts,
        )
        .execution_options(synchronize_session=False)
    )
    return [Claimed(*row) for row in session.execute(claimed)]


def _is_late(parameters: Mapping[str, Any]) -> bool:
    expires = parameters.get("expires")
    return expires is not None and datetime.fromisoformat(expires) <= datetime.now(UTC)
