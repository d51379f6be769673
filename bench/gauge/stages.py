"""When each stage of a job began and ended, from the worker's log."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

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

    Each ends where the next begins, the last when the job's process has ended; with several languages side by side, a
    language's stage is called `mix es` and ends where that language's next one begins.

    Raises ValueError for a job that the log does not follow from its claim to its end.
    """
    marks = [mark for line in lines if (mark := _mark(line, job_id))]
    if len(marks) < 3 or marks[0].name != START or marks[-1].name:
        raise ValueError(f"the log does not follow job {job_id} from its claim to its end")
    languages = {mark.language for mark in marks if mark.language}
    shared = [mark for mark in marks[:-1] if not mark.language]
    forked = next((mark for mark in marks if mark.language), marks[-1])
    stages = [Stage(one.name, one.at, after.at) for one, after in pairwise([*shared, forked])]
    for language in sorted(languages):
        own = [*(mark for mark in marks if mark.language == language), marks[-1]]
        suffix = f" {language}" if len(languages) > 1 else ""
        stages += [Stage(f"{one.name}{suffix}", one.at, after.at) for one, after in pairwise(own)]
    return stages


class _Mark(NamedTuple):
    name: str
    language: str
    at: float


def _mark(line: str, job_id: str) -> _Mark | None:
    """What begins with this line and when; the name is empty for the job's end."""
    if job_id not in line:
        return None
    try:
        record: dict[str, Any] = json.loads(line)
    except ValueError:  # a line that is not ours
        return None
    names = {"claimed": START, "stage begins": record.get("stage"), "child ended": ""}
    name = names.get(str(record.get("event")))
    if name is None:
        return None
    return _Mark(name, str(record.get("language", "")), datetime.fromisoformat(record["timestamp"]).timestamp())
