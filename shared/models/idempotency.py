"""Idempotency keys: a creating request that comes twice is done once."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, CreatedAt


class IdempotencyKey(Base):
    """A client's key for one creating request, with the hash of the request and the answer it got.

    Written in the transaction that creates; `status` (HTTP), `headers` and `body` are None only inside it.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    status: Mapped[int | None] = mapped_column(default=None)
    headers: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    body: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[CreatedAt]
