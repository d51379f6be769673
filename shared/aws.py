"""How a client of AWS is made; the faces of S3, SQS and SES call this and nothing else does."""

import threading
from typing import Any

import boto3
from botocore.config import Config

from shared.config import Settings

# boto3's default session is not safe to make clients from in two threads at once.
_LOCK = threading.Lock()


def s3_client(settings: Settings, *, read_timeout: float, **config: Any) -> Any:
    """A client of the bucket's S3; a stand-in at an address of its own has no names for buckets."""
    return client(
        "s3",
        settings,
        settings.s3_endpoint_url,
        signature_version="s3v4",
        connect_timeout=5,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 4},
        s3={"addressing_style": "path" if settings.s3_endpoint_url else "virtual"},
        **config,
    )


def client(service: str, settings: Settings, endpoint_url: str | None, **config: Any) -> Any:
    """A boto3 client of `service` in the configured region; `config` as botocore's Config takes it."""
    with _LOCK:
        return boto3.client(
            service,  # type: ignore[call-overload]
            region_name=settings.aws_region,
            endpoint_url=endpoint_url,
            config=Config(**config),
        )
