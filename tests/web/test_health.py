"""Health: the process, and what it needs."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.config import Settings

CHECKS = {"database", "bucket", "queue", "disk", "memory", "cpu"}


def test_alive(client: FlaskClient) -> None:
    answer = client.get("/health")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_ready(client: FlaskClient) -> None:
    answer = client.get("/health/ready")
    assert answer.json
    assert (answer.status_code, answer.json["ready"]) == (200, True)
    assert set(answer.json["checks"]) == CHECKS
    for check in answer.json["checks"].values():
        assert check["value"] is not None
        assert check["state"] in ("ok", "high")


@pytest.mark.parametrize(
    ("away", "failed", "status"),
    [
        ({"database_url": "postgresql+psycopg://nobody:a-secret@127.0.0.1:1/none"}, "database", 503),
        ({"s3_bucket": "no-such-bucket"}, "bucket", 503),
        ({"disk_free_min_bytes": 2**60}, "disk", 503),
        ({"sqs_queue_url": "http://127.0.0.1:1/q"}, "queue", 200),
    ],
)
def test_what_fails_is_named_and_keeps_its_secrets(
    make_app: Callable[[Settings], Flask],
    make_settings: Callable[..., Settings],
    away: dict[str, object],
    failed: str,
    status: int,
) -> None:
    client = make_app(make_settings(**away)).test_client()
    answer = client.get("/health/ready")
    assert answer.json
    states = {name: check["state"] for name, check in answer.json["checks"].items()}
    assert (answer.status_code, states[failed]) == (status, "failed")
    assert [name for name, state in states.items() if state == "failed"] == [failed]
    assert b"secret" not in answer.data
    assert client.get("/health").status_code == 200
