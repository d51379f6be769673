"""When each stage of a job began and ended, from the worker's log."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

START = "start"


@dataclass(frozen=True)
class Stage:
    """A stage of a job, from its first to its last moment (Unix seconds)."""

    name: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


def stages_of(lines: Iterable[str], job_id: str) -> list[Stage]:
    """The job's stages in order, the first called `start`: from the claim to the first stage, its process starting.

    Each ends where the next begins, the last when the job's process has ended. Raises ValueError for a job that the
    log does not follow from its claim to its end.
    """
    marks = [mark for line in lines if (mark := _mark(line, job_id))]
    if len(marks) < 3 or marks[0][0] != START or marks[-1][0]:
        raise ValueError(f"the log does not follow job {job_id} from its claim to its end")
    return [Stage(name, at, until) for (name, at), (_, until) in pairwise(marks)]


def _mark(line: str, job_id: str) -> tuple[str, float] | None:
    """The name of what begins with this line and when; the name is empty for the job's end."""
    if job_id not in line:
        return None
    try:
        record: dict[str, Any] = json.loads(line)
    except ValueError:  # a line that is not ours
        return None
    names = {"claimed": START, "stage begins": record.get("stage"), "child ended": ""}
    name = names.get(str(record.get("event")))
    return None if name is None else (name, datetime.fromisoformat(record["timestamp"]).timestamp())
