"""The web tier as it is started: gunicorn, its configuration, JSON on stdout."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from shared.config import Settings

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def environment(settings: Settings) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "ONEVOICE_ENVIRONMENT": "local",
        "ONEVOICE_DATABASE_URL": settings.database_url.get_secret_value(),
        "ONEVOICE_S3_BUCKET": settings.s3_bucket,
        "ONEVOICE_S3_ENDPOINT_URL": settings.s3_endpoint_url or "",
        "ONEVOICE_SQS_QUEUE_URL": settings.sqs_queue_url,
        "ONEVOICE_SQS_ENDPOINT_URL": settings.sqs_endpoint_url or "",
        "ONEVOICE_MAIL_FROM": settings.mail_from,
        "ONEVOICE_JWT_SECRET": settings.jwt_secret.get_secret_value(),
    }


@pytest.fixture
def address(settings: Settings, tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(BIN / "gunicorn"), "-c", "web/gunicorn.conf.py", "-b", f"127.0.0.1:{port}"]
    with (tmp_path / "out").open("wb") as out:
        tier = subprocess.Popen(command, cwd=ROOT, env=environment(settings), stdout=out, stderr=subprocess.STDOUT)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        tier.terminate()
        tier.wait(30)


def test_it_starts_answers_and_logs_json(address: str, tmp_path: Path) -> None:
    for _ in range(100):
        try:
            # It listens before it answers: asked once, however long it takes.
            answer = httpx.get(f"{address}/health", headers={"X-Request-Id": "start-0001"}, timeout=60)
            break
        except httpx.TransportError:
            time.sleep(0.2)
    assert answer.json() == {"status": "ok"}
    assert httpx.get(f"{address}/health/ready").status_code == 200
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    access = [line for line in lines if line["event"] == "request" and line["request_id"] == "start-0001"]
    assert [line["path"] for line in access] == ["/health"]
    assert any("Listening at" in line["event"] for line in lines)


def test_it_does_not_start_without_its_settings(settings: Settings) -> None:
    lacking = {
        name: value for name, value in environment(settings).items() if "JWT" not in name and "BUCKET" not in name
    }
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "web.wsgi", "routes"],
        cwd=ROOT,
        env=lacking,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 78
    assert "ONEVOICE_JWT_SECRET is missing" in done.stderr
    assert "ONEVOICE_S3_BUCKET is missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_is_small_and_loads_no_media_library(settings: Settings) -> None:
    script = """
import sys
import web.wsgi
print("av" in sys.modules, "langcodes.data_dicts" in sys.modules and "language_data.name_data" in sys.modules)
print(open("/proc/self/status").read())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment(settings), capture_output=True, text=True
    )
    assert done.stdout.startswith("False False"), done.stderr
    resident = re.search(r"VmRSS:\s+(\d+) kB", done.stdout)
    assert resident
    assert int(resident[1]) < 150 * 1024
