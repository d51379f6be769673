"""Sending what the outbox holds: claimed for a while, sent without a transaction open, recorded, tried again.

A crash in between means that it is sent once more: receivers tell twins by `webhook-id`.
"""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, case, func, select, update
from sqlalchemy.orm import Session

from shared import log
from shared.config import Settings
from shared.db import transaction
from shared.egress import Answer, Egress, Limits
from shared.errors import PermanentError, TransientError
from shared.models import WebhookDelivery, WebhookEndpoint
from shared.webhooks import signing

AT_ONCE = 8
# Of one user in a batch, so that one slow receiver does not hold up the others.
MOST_OF_ONE_USER = 3
LONGEST_BACKOFF_SECONDS = 3600.0
MOST_ANSWER_BYTES = 4096
# How much longer than the call a claim holds: the resolver keeps its own time, and the row has to be written.
CLAIM_MARGIN_SECONDS = 60.0
GONE = 410
logger = log.get(__name__)


@dataclass(frozen=True)
class Claimed:
    """A delivery that is ours to send; `attempt` counts from 1 and is the fence of what is recorded."""

    id: UUID
    url: str
    body: str
    secret: str
    attempt: int


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: the answer's HTTP status if there was one, and what went wrong."""

    status: int | None
    error: str | None
    is_final: bool = False


class Sender:
    """Sends what is due, several at once."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._transaction = partial(transaction, engine)
        self._settings = settings
        self._egress = Egress(settings.egress_exempt)

    def send_due(self) -> int:
        """Send until nothing is due; how many were tried."""
        tried = 0
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as threads:
            while True:
                with self._transaction() as session:
                    batch = claim(session, self._settings)
                list(threads.map(self._deliver, batch))
                tried += len(batch)
                if not batch:
                    return tried

    def _deliver(self, claimed: Claimed) -> None:
        try:
            outcome = self._tried(claimed)
            with self._transaction() as session:
                record(session, claimed, outcome, self._settings)
        except Exception:
            logger.exception("the webhook's end is not recorded; it comes again", delivery=str(claimed.id))

    def _tried(self, claimed: Claimed) -> Outcome:
        """What came of it, a failure of our own too: that one counts as well, or it would come for ever."""
        try:
            return self._send(claimed)
        except Exception:
            logger.exception("the webhook could not be sent", delivery=str(claimed.id))
            return Outcome(None, "Something went wrong on our side.")

    def _send(self, claimed: Claimed) -> Outcome:
        body = claimed.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "OneVoice-Webhooks/1",
            **signing.headers(claimed.secret, claimed.id, int(time.time()), body),
        }
        seconds = self._settings.webhook_timeout_seconds
        try:
            with self._egress.request(
                "POST", claimed.url, limits=Limits(seconds, seconds), headers=headers, content=body
            ) as answer:
                _skim(answer)
                return _outcome(answer.status)
        except TransientError as error:
            return Outcome(None, error.message)
        except PermanentError as error:
            return Outcome(None, error.message, is_final=True)


def claim(session: Session, settings: Settings) -> Sequence[Claimed]:
    """Take up to AT_ONCE due deliveries, oldest first and a few of each user, by pushing their next attempt ahead."""
    due = (WebhookDelivery.status == "PENDING", WebhookDelivery.next_attempt_at <= func.now())
    rank = func.row_number().over(
        partition_by=WebhookDelivery.user_id, order_by=(WebhookDelivery.next_attempt_at, WebhookDelivery.id)
    )
    ranked = select(WebhookDelivery.id, rank.label("rank")).where(*due).subquery()
    few = select(ranked.c.id).where(ranked.c.rank <= MOST_OF_ONE_USER)
    taken = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.id.in_(few), *due)
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(taken).all()
    hold = settings.webhook_timeout_seconds + CLAIM_MARGIN_SECONDS
    claimed = (
        update(WebhookDelivery)
        .where(WebhookDelivery.id.in_(ids), WebhookEndpoint.user_id == WebhookDelivery.user_id)
        .values(
            attempts=WebhookDelivery.attempts + 1,
            last_attempt_at=func.now(),
            next_attempt_at=func.now() + timedelta(seconds=hold),
        )
        .returning(
            WebhookDelivery.id,
            WebhookDelivery.url,
            WebhookDelivery.body,
            WebhookEndpoint.secret,
            WebhookDelivery.attempts,
        )
        .execution_options(synchronize_session=False)
    )
    return [Claimed(*row) for row in session.execute(claimed)]


def record(session: Session, claimed: Claimed, outcome: Outcome, settings: Settings) -> None:
    """Write how the attempt ended: DELIVERED, due again after a backoff, or FAILED once its time is up."""
    mine = update(WebhookDelivery).where(
        WebhookDelivery.id == claimed.id,
        WebhookDelivery.attempts == claimed.attempt,
        WebhookDelivery.status == "PENDING",
    )
    seen = {"response_status": outcome.status, "error": outcome.error}
    if outcome.error is None:
        session.execute(mine.values(status="DELIVERED", delivered_at=func.now(), **seen))
        return
    next_at = func.now() + timedelta(seconds=backoff(claimed.attempt, settings))
    given_up: ColumnElement[bool] = next_at > WebhookDelivery.created_at + timedelta(
        seconds=settings.webhook_give_up_seconds
    )
    status = "FAILED" if outcome.is_final else case((given_up, "FAILED"), else_="PENDING")
    session.execute(mine.values(status=status, next_attempt_at=next_at, **seen))


def backoff(attempt: int, settings: Settings) -> float:
    """Seconds to wait after the n-th attempt: doubling from the base to an hour, of which half is left to chance."""
    whole = min(LONGEST_BACKOFF_SECONDS, settings.webhook_backoff_seconds * 2.0 ** min(attempt - 1, 30))
    return whole * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load and keeps no secret


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome(status, None)
    if status == GONE:
        return Outcome(status, "The receiver answered 410 Gone: it wants nothing more.", is_final=True)
    told = "which is a redirect and not followed" if 300 <= status < 400 else "which is not 2xx"
    return Outcome(status, f"The receiver answered with HTTP status {status}, {told}.")


def _skim(answer: Answer) -> None:
    """Read a few KB of the body, so that an ordinary receiver sees its answer taken."""
    size = 0
    for chunk in answer.chunks:
        size += len(chunk)
        if size > MOST_ANSWER_BYTES:
            return
