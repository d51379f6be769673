"""What the webhook routes take and give."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from web.paging import PageQuery

LONGEST_URL = 2000


class DeliveryStatus(StrEnum):
    """PENDING while it is tried; then DELIVERED, or FAILED after a day or where the receiver wants nothing more."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class NewEndpoint(BaseModel):
    """Where to tell."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        min_length=1,
        max_length=LONGEST_URL,
        description="A public http(s) address that answers a POST with 2xx. Redirects are not followed.",
        examples=["https://example.com/hooks/onevoice"],
    )


class EndpointBody(BaseModel):
    """The account's webhook. `url` is told of jobs without one of their own; `secret` signs all of them.

    Signed as the Standard Webhooks specification says: its libraries verify it, given the body's bytes, the
    `webhook-id`, `webhook-timestamp` and `webhook-signature` headers and this secret.
    """

    url: str | None
    secret: str
    created_at: datetime


class DeliveryPath(BaseModel):
    """Which delivery."""

    delivery_id: UUID


class DeliveryQuery(PageQuery):
    """Which deliveries."""

    job_id: UUID | None = None
    status: DeliveryStatus | None = None


class DeliveryBody(BaseModel):
    """One event for one address. `response_status` and `error` are those of the last attempt; `job_id` is null for a
    `ping`; `next_attempt_at` is null once it is over."""

    delivery_id: UUID
    job_id: UUID | None
    event: str
    url: str
    status: DeliveryStatus
    attempts: int
    response_status: int | None
    error: str | None
    created_at: datetime
    last_attempt_at: datetime | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None


class DeliveryList(BaseModel):
    """A page of deliveries, newest first."""

    items: list[DeliveryBody]
    next_cursor: str | None
