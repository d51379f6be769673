"""Customer webhooks: where a user wants to be told, and what was told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, CreatedAt, Id


class WebhookEndpoint(Base):
    """A user's default address for webhooks (None: none), and the secret that signs all of the user's webhooks."""

    __tablename__ = "webhook_endpoints"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    url: Mapped[str | None] = mapped_column(default=None)
    secret: Mapped[str]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class WebhookDelivery(Base):
    """One event for one address: written with what it tells about, tried until it is delivered or a day is over.

    `body` is sent byte for byte each time. `response_status` and `error` are those of the last attempt. The job may be
    gone already, the log of what was told about it stays.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint("status in ('PENDING', 'DELIVERED', 'FAILED')", name="status"),
        Index("ix_webhook_deliveries_user_id_id", "user_id", "id"),
        Index("ix_webhook_deliveries_job_id", "job_id"),
        Index("ix_webhook_deliveries_due", "next_attempt_at", postgresql_where=text("status = 'PENDING'")),
        Index("ix_webhook_deliveries_created_at", "created_at"),
    )

    id: Mapped[Id]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    job_id: Mapped[UUID]
    event: Mapped[str]
    url: Mapped[str]
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(default="PENDING")
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_attempt_at: Mapped[datetime | None] = mapped_column(default=None)
    delivered_at: Mapped[datetime | None] = mapped_column(default=None)
    response_status: Mapped[int | None] = mapped_column(default=None)
    error: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[CreatedAt]
