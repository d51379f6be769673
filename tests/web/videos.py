"""Videos over HTTP, and what the store holds."""

import boto3
from werkzeug.test import TestResponse

from shared.config import Settings
from tests.web.conftest import Person

ANNOUNCED = {"filename": "talk.mp4", "size_bytes": 1000, "content_type": "video/mp4"}


def uploaded(person: Person, video_id: str) -> TestResponse:
    return person.post(f"/videos/{video_id}/uploaded")


def keys(settings: Settings) -> set[str]:
    client = boto3.client("s3", endpoint_url=settings.s3_endpoint_url, region_name="us-east-1")
    return {item["Key"] for item in client.list_objects_v2(Bucket=settings.s3_bucket).get("Contents", [])}
