"""How a client of AWS is made; the faces of S3, SQS and SES call this and nothing else does."""

import threading
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from shared.config import Settings

# A session is not safe to make clients from in two threads at once.
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
        return session().client(
            service,  # type: ignore[call-overload]
            region_name=settings.aws_region,
            endpoint_url=endpoint_url,
            config=Config(**config),
        )


@cache
def session() -> boto3.Session:
    """The one session, whose credentials all clients share and refresh."""
    return boto3.Session()


def urls_expire_at(settings: Settings) -> datetime:
    """Until when URLs work that are signed from now on: their own time, but no longer than the credentials'.

    An instance's role has credentials that last hours at most, and what they signed lapses with them. Ask before
    signing: credentials that are refreshed in between only last longer.
    """
    with _LOCK:
        credentials = session().get_credentials()
    wished = datetime.now(UTC) + timedelta(seconds=settings.presigned_url_seconds)
    if credentials is None:
        return wished
    credentials.get_frozen_credentials()  # refreshes those that are about to lapse
    # botocore tells nobody; credentials that stay have no such attribute.
    lapse: datetime | None = getattr(credentials, "_expiry_time", None)
    return wished if lapse is None else min(wished, lapse)
