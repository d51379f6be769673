from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path

import pytest

from local.periodic import CronFileError, PeriodicTask, read


def test_schedules_are_utc_wherever_the_machine_is() -> None:
    task = PeriodicTask("nightly", "/x", "23 3 * * *")
    noon_in_seoul = datetime(2026, 11, 2, 12, 0, tzinfo=timezone(timedelta(hours=9)))
    times = list(islice(task.times(noon_in_seoul), 2))
    assert times == [datetime(2026, 11, day, 3, 23, tzinfo=UTC) for day in (2, 3)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("version: '1'\ncron: []", "integer"),
        ("cron: []", "version"),
        ("version: 1\ncron: {}", "list"),
        ("version: 1\ncron: [{name: a, url: x, schedule: '* * * * *'}]", "starts with /"),
        ("version: 1\ncron: [{name: a, url: /x, schedule: '61 * * * *'}]", "schedule"),
        ("version: 1\ncron: [{name: a, url: /x}]", "exactly"),
        ("version: 1\ncron:\n- {name: a, url: /x, schedule: '* * * * *'}\n- {name: a, url: /y, schedule: '* * * * *'}",
         "alike"),
        ("version: [", "YAML"),
    ],
)  # fmt: skip
def test_what_the_daemon_would_refuse_is_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "cron.yaml"
    path.write_text(text)
    with pytest.raises(CronFileError, match=why):
        read(path)
