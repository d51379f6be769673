"""How fast the stages are, learned from the jobs that ran them. Each function is one step inside one transaction."""

from math import isfinite

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.models import StageSpeed

WEIGHT = 0.3  # of the newest run
# In a shorter file what a stage always costs hides what a second of sound costs.
LEAST_SECONDS = 5.0
# Nothing real is this slow: such a stage waited, it did not work.
SLOWEST = 100.0

Speeds = dict[tuple[str, str], float]


def read(session: Session) -> Speeds:
    """Seconds of work for each second of sound, by stage and engine (`name/model`, empty where there is none)."""
    rows = session.execute(select(StageSpeed.stage, StageSpeed.engine, StageSpeed.seconds_per_second))
    return {(row.stage, row.engine): row.seconds_per_second for row in rows}


def learn(session: Session, stage: str, engine: str, *, seconds: float, of_seconds: float) -> bool:
    """A stage took `seconds` for `of_seconds` of sound: weigh it in. False, and nothing, where that says nothing."""
    if not _tells(seconds, of_seconds):
        return False
    speed = seconds / of_seconds
    first = insert(StageSpeed).values(stage=stage, engine=engine, seconds_per_second=speed, runs=1)
    weighed = (1 - WEIGHT) * StageSpeed.seconds_per_second + WEIGHT * speed
    again = first.on_conflict_do_update(
        index_elements=[StageSpeed.stage, StageSpeed.engine],
        set_={"seconds_per_second": weighed, "runs": StageSpeed.runs + 1, "updated_at": func.now()},
    )
    session.execute(again)
    return True


def _tells(seconds: float, of_seconds: float) -> bool:
    measured = isfinite(seconds) and isfinite(of_seconds) and seconds > 0 and of_seconds >= LEAST_SECONDS
    return measured and seconds / of_seconds <= SLOWEST
