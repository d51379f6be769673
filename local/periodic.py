"""cron.yaml, read and scheduled as the Elastic Beanstalk daemon does: five-field cron expressions, always UTC."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from cronsim import CronSim, CronSimError


class CronFileError(Exception):
    """cron.yaml is not what the daemon takes; the message says where."""


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """One entry of cron.yaml: at every match of `schedule` (UTC) an empty POST goes to the path `url`."""

    name: str
    url: str
    schedule: str

    def times(self, after: datetime) -> Iterator[datetime]:
        """Every moment after `after` (aware, UTC) that the schedule names, soonest first."""
        return iter(CronSim(self.schedule, after.astimezone(UTC)))


def read(path: Path) -> tuple[PeriodicTask, ...]:
    """The tasks in the file at `path`. Raises CronFileError where the daemon would refuse it, OSError if unreadable."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise CronFileError(f"{path.name} is not YAML: {error}") from None
    if not isinstance(document, dict) or document.get("version") != 1 or not isinstance(document.get("cron"), list):
        raise CronFileError(f"{path.name} needs the integer `version: 1` and a list `cron:`")
    tasks = tuple(_task(path.name, entry) for entry in document["cron"])
    if len({task.name for task in tasks}) < len(tasks):
        raise CronFileError(f"{path.name} names two tasks alike")
    return tasks


def _task(file: str, entry: Any) -> PeriodicTask:
    if not isinstance(entry, dict) or set(entry) != {"name", "url", "schedule"}:
        raise CronFileError(f"{file}: an entry has exactly name, url and schedule, not {entry!r}")
    task = PeriodicTask(str(entry["name"]), str(entry["url"]), str(entry["schedule"]))
    if not task.url.startswith("/"):
        raise CronFileError(f"{file}: the url of {task.name} is a path and starts with /")
    try:
        CronSim(task.schedule, datetime.now(UTC))
    except CronSimError as error:
        raise CronFileError(f"{file}: the schedule of {task.name} can't be read: {error}") from None
    return task
