"""What happened on an account, and how often someone tried."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, CreatedAt, Document, Id


class Activity(Base):
    """One thing that happened; rows are only added. `user_agent` and `ip` are coarse, None for what no request did."""

    __tablename__ = "activity"
    __table_args__ = (Index("ix_activity_user_id_id", "user_id", "id"),)

    id: Mapped[Id]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str]
    details: Mapped[Document]
    user_agent: Mapped[str | None] = mapped_column(default=None)
    ip: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[CreatedAt]


class Attempts(Base):
    """How often something was tried for one account in one window of time; holds across all instances.

    `subject` is a hash of the address or the user's id, never the thing itself. `part` is a hash of what is counted
    apart under it, a browser or a network; empty: all the rest.
    """

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_window_start", "window_start"),)

    action: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True, default="")
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(default=1)
