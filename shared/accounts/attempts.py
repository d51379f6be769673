"""How often something is tried for one account, counted in PostgreSQL so that it holds across all instances.

Fixed windows, each a row that is counted up in one statement. `who` is an address in its normal form
(users.normal_email) or a user's id; `part` is what of it is counted apart, a browser or a network. Only hashes of them
are kept, and it is counted alike whether there is such an account or not.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.errors import AppError
from shared.models import Attempts

DAY_SECONDS = 24 * 3600


class Action(StrEnum):
    """What is counted."""

    SIGN_IN = "sign_in"
    OWN_PASSWORD = "own_password"  # noqa: S105 - a name
    SIGN_UP_MAIL = "sign_up_mail"
    RESET_MAIL = "reset_mail"
    NEW_EMAIL_MAIL = "new_email_mail"


@dataclass(frozen=True)
class Window:
    """How many times in how many seconds."""

    most: int
    seconds: int


MAILS = Window(5, 3600)
GUESSES = Window(10, 15 * 60)
# How long the guess behind those has to wait, doubling with each, and how long at most (seconds).
FIRST_WAIT, LONGEST_WAIT = 5, 180


def allowed(session: Session, action: Action, who: str, window: Window, part: str = "") -> bool:
    """Count one more; whether it is within the window's allowance."""
    return _count(session, action, who, part, window.seconds) <= window.most


def demand(session: Session, action: Action, who: str, window: Window) -> None:
    """Count one more. Raises AppError `too_many_requests` (429) beyond the allowance, until the window closes."""
    if not allowed(session, action, who, window):
        left = session.scalars(
            select(window.seconds - func.extract("epoch", func.now() - _start(window.seconds)))
        ).one()
        raise too_many(max(1, math.ceil(left)))


def guess(session: Session, action: Action, who: str, part: str = "") -> None:
    """Count a guess at a password before it is looked at; `forget` takes it all back when it was right.

    Behind the first ten in a quarter of an hour each has to wait for longer after the one before it: guessing is
    slowed, and never ends for good. Raises AppError `too_many_requests` (429); the transaction is to be rolled back
    then, so that only what is looked at counts.
    """
    guesses = _count(
        session, action, who, part, GUESSES.seconds
    )  # whose row stays locked: guesses at one account take turns
    if guesses < GUESSES.most:
        return
    if guesses > GUESSES.most:
        left = _left(session, f"{action}_turn", who, part, wait_seconds(guesses))
        if left > 0:
            raise too_many(math.ceil(left))
    _count(session, f"{action}_turn", who, part, 1)


def forget(session: Session, action: Action, who: str, part: str | None = None) -> None:
    """The account's owner has shown up: what was counted is void, of this part or of all (None)."""
    counted = delete(Attempts).where(Attempts.action.in_((action, f"{action}_turn")), Attempts.subject == _hash(who))
    session.execute(counted if part is None else counted.where(Attempts.part == _hash(part)))


def wait_seconds(guesses: int) -> int:
    """How long after the guess before it the n-th is looked at."""
    return min(LONGEST_WAIT, FIRST_WAIT << min(guesses - GUESSES.most - 1, 16))


def too_many(retry_after: int) -> AppError:
    """The refusal (429); `retry_after` in seconds."""
    return AppError(
        "too_many_requests",
        f"This was tried too often. Try again in {retry_after} seconds.",
        429,
        retry_after=retry_after,
    )


def expire(session: Session) -> int:
    """Forget windows that closed long ago; how many."""
    old = delete(Attempts).where(Attempts.window_start < func.now() - timedelta(seconds=DAY_SECONDS))
    return len(session.execute(old.returning(Attempts.count)).all())


def _count(session: Session, action: str, who: str, part: str, seconds: int) -> int:
    key = {"action": action, "subject": _hash(who), "part": _hash(part), "window_start": _start(seconds)}
    counted = (
        insert(Attempts)
        .values(**key, count=1)
        .on_conflict_do_update(index_elements=list(key), set_={"count": Attempts.count + 1})
    )
    return session.scalars(counted.returning(Attempts.count)).one()


def _start(seconds: int) -> ColumnElement[datetime]:
    return func.to_timestamp(func.floor(func.extract("epoch", func.now()) / seconds) * seconds)


def _left(session: Session, action: str, who: str, part: str, seconds: int) -> float:
    """What is left of `seconds` since the last row of `action`, by the database's clock; not above 0 when none is."""
    last = func.max(Attempts.window_start)
    left = seconds - func.extract("epoch", func.now() - last)
    mine = (Attempts.action == action, Attempts.subject == _hash(who), Attempts.part == _hash(part))
    found = session.scalar(select(left).where(*mine))
    return 0.0 if found is None else min(float(found), float(seconds))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest() if text else ""
