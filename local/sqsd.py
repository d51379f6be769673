"""A stand-in for the Elastic Beanstalk daemon (aws-sqsd) on one machine: SQS messages become POST requests.

It does what the real one is known to do: only a 200 deletes a message; any other status, a time-out or a refused
connection makes it visible again after ErrorVisibilityTimeout; a connection that the server closed is posted again at
once; cron.yaml's tasks go through the same queue and the same connections as everything else.
"""

import argparse
import logging
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.periodic import PeriodicTask, read
from shared import log

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

USER_AGENT = "aws-sqsd/3.0"
PERIODIC_BODY = "elasticbeanstalk scheduled job"  # SQS takes no empty body; the request that is posted has one
PATH, TASK_NAME, SCHEDULED_TIME = (f"beanstalk.sqsd.{name}" for name in ("path", "task_name", "scheduled_time"))
LONGEST_POLL_SECONDS = 20
QUEUE_RETRY_SECONDS = 1.0

logger = log.get(__name__)


@dataclass(frozen=True)
class Options:
    """The daemon's option settings, named as in `aws:elasticbeanstalk:sqsd`; times in seconds."""

    queue_url: str
    endpoint_url: str | None = None
    region: str = "us-east-1"
    app_url: str = "http://127.0.0.1:80"
    http_path: str = "/"
    mime_type: str = "application/json"
    http_connections: int = 50
    connect_timeout: float = 5
    inactivity_timeout: float = 299
    visibility_timeout: int = 300
    error_visibility_timeout: int = 2
    retention_period: float = 345_600
    poll_seconds: int = LONGEST_POLL_SECONDS
    cron_file: Path | None = None


class Outcome(Enum):
    """How a post ended, as far as the queue is concerned."""

    DONE = "done"
    FAILED = "failed"
    CLOSED = "closed"


class Daemon:
    """Posts messages from one queue to one application until `stop()`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._stopped = threading.Event()
        self._tasks = read(options.cron_file) if options.cron_file else ()
        self._sqs = _client(options)
        self._http = httpx.Client(
            base_url=options.app_url,
            timeout=httpx.Timeout(options.inactivity_timeout, connect=options.connect_timeout),
            limits=httpx.Limits(max_connections=options.http_connections, max_keepalive_connections=0),
            trust_env=False,
        )

    def start(self) -> None:
        """Start one thread a connection and one a periodic task; returns at once."""
        for _ in range(self._options.http_connections):
            threading.Thread(target=self._work, name="connection", daemon=True).start()
        for task in self._tasks:
            threading.Thread(target=self._schedule, args=(task,), name=task.name, daemon=True).start()

    def stop(self) -> None:
        """Stop polling and scheduling; posts that are under way are left to themselves."""
        self._stopped.set()

    def wait(self) -> None:
        """Return once `stop()` was called."""
        self._stopped.wait()

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                for message in self._receive():
                    self._handle(message)
            except (BotoCoreError, ClientError) as error:
                if not self._stopped.is_set():
                    logger.warning("queue_unavailable", error=str(error))
                    self._stopped.wait(QUEUE_RETRY_SECONDS)

    def _receive(self) -> "list[MessageTypeDef]":
        answer = self._sqs.receive_message(
            QueueUrl=self._options.queue_url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=self._options.poll_seconds,
            VisibilityTimeout=self._options.visibility_timeout,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def _handle(self, message: "MessageTypeDef") -> None:
        if time.time() - _first_received(message) > self._options.retention_period:
            logger.warning("message_too_old", message_id=message["MessageId"])
            self._delete(message)
            return
        if self._deliver(message) is Outcome.DONE:
            self._delete(message)
        else:
            self._sqs.change_message_visibility(
                QueueUrl=self._options.queue_url,
                ReceiptHandle=message["ReceiptHandle"],
                VisibilityTimeout=self._options.error_visibility_timeout,
            )

    def _deliver(self, message: "MessageTypeDef") -> Outcome:
        """Post until the server does not just close the connection, at most while the message is ours."""
        ours_until = time.monotonic() + self._options.visibility_timeout
        while (outcome := self._post(message)) is Outcome.CLOSED:
            if self._stopped.is_set() or time.monotonic() > ours_until:
                return Outcome.FAILED
        return outcome

    def _post(self, message: "MessageTypeDef") -> Outcome:
        path, body = _target(message, self._options.http_path)
        began = time.monotonic()
        try:
            status = self._http.post(path, content=body, headers=self._headers(message)).status_code
            outcome, answer = (Outcome.DONE if status == httpx.codes.OK else Outcome.FAILED), str(status)
        except (httpx.TimeoutException, httpx.ConnectError) as error:
            outcome, answer = Outcome.FAILED, type(error).__name__
        except httpx.TransportError as error:
            outcome, answer = Outcome.CLOSED, type(error).__name__
        seconds = round(time.monotonic() - began, 3)
        count = _receive_count(message)
        logger.info("posted", message_id=message["MessageId"], path=path, count=count, answer=answer, seconds=seconds)
        return outcome

    def _headers(self, message: "MessageTypeDef") -> dict[str, str]:
        attributes = _attributes(message)
        received = datetime.fromtimestamp(_first_received(message), UTC)
        headers = {
            "User-Agent": USER_AGENT,
            "Content-Type": self._options.mime_type,
            "X-Aws-Sqsd-Msgid": message["MessageId"],
            "X-Aws-Sqsd-Queue": self._options.queue_url.rsplit("/", 1)[-1],
            "X-Aws-Sqsd-First-Received-At": received.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "X-Aws-Sqsd-Receive-Count": _receive_count(message),
        }
        if TASK_NAME in attributes:
            headers["X-Aws-Sqsd-Taskname"] = attributes[TASK_NAME]
            headers["X-Aws-Sqsd-Scheduled-At"] = attributes[SCHEDULED_TIME]
            headers["X-Aws-Sqsd-Sender-Id"] = message["Attributes"].get("SenderId", "")
        own = {name: value for name, value in attributes.items() if name not in (PATH, TASK_NAME, SCHEDULED_TIME)}
        return headers | {f"X-Aws-Sqsd-Attr-{name}": value for name, value in own.items()}

    def _delete(self, message: "MessageTypeDef") -> None:
        self._sqs.delete_message(QueueUrl=self._options.queue_url, ReceiptHandle=message["ReceiptHandle"])

    def _schedule(self, task: PeriodicTask) -> None:
        for moment in _from_now_on(task):
            if self._stopped.wait(max(0.0, (moment - datetime.now(UTC)).total_seconds())):
                return
            try:
                self._send(task, moment)
            except (BotoCoreError, ClientError) as error:
                logger.warning("task_not_sent", task=task.name, error=str(error))

    def _send(self, task: PeriodicTask, moment: datetime) -> None:
        values = {PATH: task.url, TASK_NAME: task.name, SCHEDULED_TIME: moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
        self._sqs.send_message(
            QueueUrl=self._options.queue_url,
            MessageBody=PERIODIC_BODY,
            MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in values.items()},
        )


def _client(options: Options) -> "SQSClient":
    client: SQSClient = boto3.client(
        "sqs",
        region_name=options.region,
        endpoint_url=options.endpoint_url,
        config=Config(read_timeout=options.poll_seconds + 10, max_pool_connections=options.http_connections + 1),
    )
    return client


def _attributes(message: "MessageTypeDef") -> dict[str, str]:
    return {name: item.get("StringValue", "") for name, item in message.get("MessageAttributes", {}).items()}


def _target(message: "MessageTypeDef", http_path: str) -> tuple[str, bytes]:
    attributes = _attributes(message)
    return (attributes[PATH], b"") if PATH in attributes else (http_path, message["Body"].encode())


def _first_received(message: "MessageTypeDef") -> float:
    """Unix seconds."""
    return int(message["Attributes"]["ApproximateFirstReceiveTimestamp"]) / 1000


def _receive_count(message: "MessageTypeDef") -> str:
    return message["Attributes"]["ApproximateReceiveCount"]


def _from_now_on(task: PeriodicTask) -> Iterator[datetime]:
    return task.times(datetime.now(UTC))


def options_from(arguments: list[str] | None = None) -> Options:
    """Read the command line: one flag for each field of Options."""
    parser = argparse.ArgumentParser(prog="python -m local.sqsd", description=__doc__)
    for field in fields(Options):
        kind: Any = {
            "http_connections": int,
            "visibility_timeout": int,
            "error_visibility_timeout": int,
            "poll_seconds": int,
            "connect_timeout": float,
            "inactivity_timeout": float,
            "retention_period": float,
            "cron_file": Path,
        }.get(field.name, str)
        flag = f"--{field.name.replace('_', '-')}"
        if field.name == "queue_url":
            parser.add_argument(flag, type=kind, required=True)
        else:
            parser.add_argument(flag, type=kind, default=field.default, help="default: %(default)s")
    return Options(**vars(parser.parse_args(arguments)))


def main() -> None:
    """Run until INT or TERM."""
    log.configure()
    logging.getLogger("httpx").setLevel(logging.WARNING)  # each post is a line of our own
    daemon = Daemon(options_from())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: daemon.stop())
    daemon.start()
    daemon.wait()


if __name__ == "__main__":
    main()
