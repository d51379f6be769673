"""Mails to send: written with what they tell about, sent once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, CreatedAt, Document, Id


class OutgoingMail(Base):
    """One mail of a template to one address.

    `parameters` is what the template is filled with; emptied once the mail is over, for there may be a token in it.
    `once` names what the mail tells about: a second mail under the same name is never written.
    """

    __tablename__ = "outgoing_mails"
    __table_args__ = (
        CheckConstraint("status in ('PENDING', 'SENT', 'FAILED', 'SKIPPED')", name="status"),
        Index("ix_outgoing_mails_due", "next_attempt_at", postgresql_where=text("status = 'PENDING'")),
        Index("ix_outgoing_mails_created_at", "created_at"),
        Index("ix_outgoing_mails_user_id", "user_id"),
        Index("ix_outgoing_mails_to_lower", text('lower("to")')),
    )

    id: Mapped[Id]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), default=None)
    to: Mapped[str]
    template: Mapped[str]
    locale: Mapped[str] = mapped_column(default="en")
    parameters: Mapped[Document]
    once: Mapped[str | None] = mapped_column(unique=True, default=None)
    status: Mapped[str] = mapped_column(default="PENDING")
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=func.now())
    message_id: Mapped[str | None] = mapped_column(default=None)
    error: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[CreatedAt]
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
