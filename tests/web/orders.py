"""Orders of dubs over HTTP, and the wake-up calls that they lead to."""

from typing import Any
from uuid import UUID

import boto3
from werkzeug.test import TestResponse

from shared.config import Settings
from shared.queue import parse
from tests.web.conftest import Person

SRT = "1\n00:00:00,500 --> 00:00:02,000\nHello there.\n"
UNTIMED = {"segments": [{"text": "Hello there."}]}


def order(person: Person, video_id: UUID, **fields: Any) -> TestResponse:
    body = {"video_id": str(video_id), "target_languages": ["es"], "source_language": "en", **fields}
    return person.post("/dubbing-jobs", json={name: value for name, value in body.items() if value is not None})


def messages(settings: Settings) -> list[UUID]:
    sqs = boto3.client("sqs", endpoint_url=settings.sqs_endpoint_url, region_name="us-east-1")
    received = sqs.receive_message(QueueUrl=settings.sqs_queue_url, MaxNumberOfMessages=10)
    return [parse(message["Body"]).job_id for message in received.get("Messages", [])]
