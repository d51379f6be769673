"""A thin, typed face of SQS. A message is only a wake-up call: it names a job and carries no state."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

from shared import aws
from shared.config import Settings
from shared.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

T = TypeVar("T")
LONGEST_DELAY_SECONDS = 900


class MessageError(Exception):
    """The message can't be read."""


@dataclass(frozen=True)
class Wake:
    """A wake-up call for one job."""

    job_id: UUID

    def to_json(self) -> str:
        """As it stands in the queue."""
        return json.dumps({"kind": "dub", "job_id": str(self.job_id)})


def parse(body: str | bytes) -> Wake:
    """The wake-up call in a message's body. Raises MessageError."""
    try:
        document = json.loads(body)
        if document["kind"] != "dub":
            raise MessageError(f"unknown kind {document['kind']!r}")
        return Wake(UUID(document["job_id"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MessageError(f"unreadable message: {error}") from None


class Queue:
    """The job queue. Methods raise TransientError when SQS is out of reach."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _client(self) -> "SQSClient":
        client: SQSClient = aws.client(
            "sqs",
            self._settings,
            self._settings.sqs_endpoint_url,
            connect_timeout=3,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 3},
        )
        return client

    def wake(self, job_id: UUID, delay_seconds: float = 0) -> None:
        """Send a wake-up call, visible after `delay_seconds` (SQS allows 900 at most)."""
        delay = min(LONGEST_DELAY_SECONDS, max(0, round(delay_seconds)))
        self._call(
            lambda: self._client.send_message(
                QueueUrl=self._settings.sqs_queue_url, MessageBody=Wake(job_id).to_json(), DelaySeconds=delay
            )
        )

    def check(self) -> int:
        """How many messages wait, roughly. Raises TransientError when the queue can't be reached."""
        answer = self._call(
            lambda: self._client.get_queue_attributes(
                QueueUrl=self._settings.sqs_queue_url, AttributeNames=["ApproximateNumberOfMessages"]
            )
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    @staticmethod
    def _call(send: Callable[[], T]) -> T:
        try:
            return send()
        except (BotoCoreError, ClientError) as error:
            raise TransientError("queue_unavailable", "The queue does not answer as it should.") from error
