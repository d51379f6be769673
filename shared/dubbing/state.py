"""The job state machine: the one table of allowed moves. Nothing else writes a job's or a dub's `status`."""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import Update, update

from shared.models.jobs import Dub, Job


class Status(StrEnum):
    """Of a job, and of each of its dubs."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


P, R, C, F, X = Status.PENDING, Status.PROCESSING, Status.COMPLETED, Status.FAILED, Status.CANCELED

JOB_MOVES: dict[Status, frozenset[Status]] = {
    P: frozenset({R, F, X}),
    R: frozenset({R, P, C, F, X}),  # R to R: a lapsed lease taken over
    # another round: what did not succeed is tried again, or a language is added
    C: frozenset({P}),
    F: frozenset({P}),
    X: frozenset({P}),
}
DUB_MOVES: dict[Status, frozenset[Status]] = {
    P: frozenset({R, C, F, X}),
    R: frozenset({R, P, C, F, X}),
    C: frozenset(),
    F: frozenset({P}),
    X: frozenset({P}),
}
LIVE = frozenset({P, R})
OVER = frozenset({C, F, X})


class MoveError(Exception):
    """The state machine has no such move."""


def initial() -> Status:
    """The status of a new job and of its dubs."""
    return P


def outcome(dubs: Iterable[Status]) -> Status:
    """COMPLETED when at least one language succeeded, FAILED when none did. All dubs must be over."""
    statuses = list(dubs)
    if not statuses or any(status not in OVER for status in statuses):
        raise MoveError("a job ends when all of its dubs are over")
    return C if C in statuses else F


def _checked(moves: dict[Status, frozenset[Status]], origin: Iterable[Status], to: Status) -> list[str]:
    wrong = [status for status in origin if to not in moves[status]]
    if wrong:
        raise MoveError(f"no move from {', '.join(sorted(wrong))} to {to}")
    return sorted(status.value for status in origin)


def move_job(origin: Iterable[Status], to: Status) -> Update:
    """`UPDATE jobs SET status = to WHERE status IN origin`; callers add fences and values. Raises MoveError."""
    return update(Job).where(Job.status.in_(_checked(JOB_MOVES, origin, to))).values(status=to.value)


def move_dub(origin: Iterable[Status], to: Status) -> Update:
    """`UPDATE dubs SET status = to WHERE status IN origin`; callers add fences and values. Raises MoveError."""
    return update(Dub).where(Dub.status.in_(_checked(DUB_MOVES, origin, to))).values(status=to.value)
