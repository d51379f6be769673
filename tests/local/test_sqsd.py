"""The daemon's stand-in against a real queue (moto over HTTP) and a real HTTP server, every outcome."""

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.processes import free_port
from local.sqsd import Daemon, Options, options_from
from tests.local.listener import listening
from tests.processes import until

SLOW = 1.5


@pytest.fixture
def sqs(moto_url: str) -> Any:
    return boto3.client("sqs", endpoint_url=moto_url, region_name="us-east-1")


@pytest.fixture
def options(moto_url: str, sqs: Any) -> Options:
    url = sqs.create_queue(QueueName=f"q{secrets.token_hex(6)}")["QueueUrl"]
    return Options(
        queue_url=url, endpoint_url=moto_url, http_path="/sqsd/messages", http_connections=1,
        inactivity_timeout=10, visibility_timeout=30, error_visibility_timeout=1, poll_seconds=1,
    )  # fmt: skip


@contextmanager
def running(options: Options) -> Iterator[Daemon]:
    daemon = Daemon(options)
    daemon.start()
    yield daemon
    daemon.stop()


def left(sqs: Any, options: Options) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=options.queue_url, AttributeNames=names)["Attributes"]
    return sum(map(int, counts.values()))


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_200_deletes_and_the_request_is_the_daemons(sqs: Any, options: Options) -> None:
    attributes = {"colour": {"DataType": "String", "StringValue": "blue"}}
    sent = sqs.send_message(QueueUrl=options.queue_url, MessageBody='{"kind": "dub"}', MessageAttributes=attributes)
    with listening(lambda _: 200) as (url, heard), running(replace(options, app_url=url)):
        post = heard.wait_for(1)[0]
        eventually(lambda: left(sqs, options) == 0)
    assert (post.path, post.body) == ("/sqsd/messages", b'{"kind": "dub"}')
    assert post.headers["User-Agent"].startswith("aws-sqsd/")
    assert post.headers["Content-Type"] == "application/json"
    wanted = {"Msgid": sent["MessageId"], "Queue": options.queue_url.rsplit("/", 1)[1], "Receive-Count": "1"}
    headers = {name.lower(): value for name, value in post.headers.items()}
    assert wanted == {name: headers[f"x-aws-sqsd-{name.lower()}"] for name in wanted}
    assert headers["x-aws-sqsd-attr-colour"] == "blue"
    received = headers["x-aws-sqsd-first-received-at"]
    assert abs(time.time() - time.mktime(time.strptime(received, "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 60


@pytest.mark.parametrize("status", [201, 204, 400, 404, 500, 503])
def test_any_other_status_brings_it_again_after_error_visibility(sqs: Any, options: Options, status: int) -> None:
    sqs.send_message(QueueUrl=options.queue_url, MessageBody="x")
    with listening(lambda n: 200 if n == 2 else status) as (url, heard), running(replace(options, app_url=url)):
        first, second = heard.wait_for(2)
        eventually(lambda: left(sqs, options) == 0)
    assert 0.9 <= second.at - first.at < 4
    assert second.headers["X-Aws-Sqsd-Receive-Count"] == "2"


def test_a_time_out_brings_it_again_while_the_first_still_runs(sqs: Any, options: Options) -> None:
    def answer(number: int) -> int:
        time.sleep(SLOW * 2 if number == 1 else 0)
        return 200

    sqs.send_message(QueueUrl=options.queue_url, MessageBody="x")
    chosen = replace(options, inactivity_timeout=0.3)
    with listening(answer) as (url, heard), running(replace(chosen, app_url=url)):
        first, second = heard.wait_for(2)
    assert 1.2 <= second.at - first.at < SLOW * 2
    assert second.headers["X-Aws-Sqsd-Receive-Count"] == "2"


def test_a_refused_connection_keeps_it_for_later(sqs: Any, options: Options) -> None:
    port = free_port(0)
    sqs.send_message(QueueUrl=options.queue_url, MessageBody="x")
    with running(replace(options, app_url=f"http://127.0.0.1:{port}")):
        time.sleep(0.5)
        assert left(sqs, options) == 1
        with listening(lambda _: 200, port) as (_, heard):
            post = heard.wait_for(1)[0]
            assert int(post.headers["X-Aws-Sqsd-Receive-Count"]) > 1
            eventually(lambda: left(sqs, options) == 0)


def test_a_closed_connection_is_posted_again_at_once_with_the_same_count(sqs: Any, options: Options) -> None:
    sqs.send_message(QueueUrl=options.queue_url, MessageBody="x")
    with listening(lambda n: None if n < 3 else 200) as (url, heard), running(replace(options, app_url=url)):
        posts = heard.wait_for(3)
        eventually(lambda: left(sqs, options) == 0)
    assert posts[2].at - posts[0].at < 0.5
    assert {post.headers["X-Aws-Sqsd-Receive-Count"] for post in posts} == {"1"}
    assert len({post.headers["X-Aws-Sqsd-Msgid"] for post in posts}) == 1


def test_as_many_at_once_as_connections(sqs: Any, options: Options) -> None:
    def answer(_: int) -> int:
        time.sleep(0.4)
        return 200

    for number in range(6):
        sqs.send_message(QueueUrl=options.queue_url, MessageBody=str(number))
    with listening(answer) as (url, heard), running(replace(options, app_url=url, http_connections=3)):
        heard.wait_for(6)
        eventually(lambda: left(sqs, options) == 0)
    assert heard.most_at_once == 3


def test_older_than_its_retention_is_deleted_unposted(sqs: Any, options: Options) -> None:
    sqs.send_message(QueueUrl=options.queue_url, MessageBody="x")
    chosen = replace(options, retention_period=1)
    with listening(lambda _: 500) as (url, heard), running(replace(chosen, app_url=url)):
        eventually(lambda: left(sqs, options) == 0)
    assert 1 <= len(heard.posts) <= 2


def test_periodic_tasks_come_through_the_queue_with_an_empty_body(sqs: Any, options: Options, tmp_path: Path) -> None:
    cron = tmp_path / "cron.yaml"
    cron.write_text('version: 1\ncron:\n- {name: tick, url: /sqsd/tasks/tick, schedule: "* * * * * *"}\n')
    chosen = replace(options, cron_file=cron)
    with listening(lambda _: 200) as (url, heard), running(replace(chosen, app_url=url)):
        first, second = heard.wait_for(2)[:2]
    assert (first.path, first.body) == ("/sqsd/tasks/tick", b"")
    assert first.headers["X-Aws-Sqsd-Taskname"] == "tick"
    assert first.headers["X-Aws-Sqsd-Scheduled-At"] < second.headers["X-Aws-Sqsd-Scheduled-At"]
    assert "X-Aws-Sqsd-Sender-Id" in first.headers
    assert not [name for name in first.headers if name.startswith("X-Aws-Sqsd-Attr-")]


def test_stopped_it_polls_no_more(sqs: Any, options: Options) -> None:
    with listening(lambda _: 200) as (url, heard):
        with running(replace(options, app_url=url)):
            sqs.send_message(QueueUrl=options.queue_url, MessageBody="x")
            heard.wait_for(1)
        time.sleep(options.poll_seconds + 0.3)
        sqs.send_message(QueueUrl=options.queue_url, MessageBody="y")
        time.sleep(0.5)
    assert len(heard.posts) == 1
    assert left(sqs, options) == 1


def test_sigterm_ends_the_program_soon(options: Options) -> None:
    arguments = [sys.executable, "-m", "local.sqsd", "--queue-url", options.queue_url]
    process = subprocess.Popen([*arguments, "--endpoint-url", str(options.endpoint_url)])
    until(lambda: catches(process.pid, signal.SIGTERM), 30, "its handler of signals")
    process.terminate()
    assert process.wait(3) == 0


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler of its own for the signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.split("SigCgt:", 1)[1].split(None, 1)[0], 16)
    return bool(caught >> (number - 1) & 1)


def test_every_option_is_an_argument_with_the_daemons_default() -> None:
    read = options_from(["--queue-url", "http://q/1", "--http-connections", "2", "--cron-file", "cron.yaml"])
    assert read == Options("http://q/1", http_connections=2, cron_file=Path("cron.yaml"))
    assert (read.visibility_timeout, read.inactivity_timeout, read.connect_timeout) == (300, 299, 5)
