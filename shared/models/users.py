"""Users: who may sign in, and who is about to become one."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, CreatedAt, Id


class Role(StrEnum):
    """What a user may do beyond their own things."""

    USER = "user"
    ADMIN = "admin"


class User(Base):
    """An account. The address is kept as given and unique without regard to case.

    `locale` is the language of mails and pages (`en`, `ko`). A deleted account's row stays without identity, for what
    refers to it: no address of a person, no name, no password.
    """

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role in ('user', 'admin')", name="role"),
        Index("uq_users_email_lower", text("lower(email)"), unique=True),
    )

    id: Mapped[Id]
    email: Mapped[str]
    password_hash: Mapped[str]
    name: Mapped[str | None] = mapped_column(default=None)
    locale: Mapped[str] = mapped_column(default="en", server_default=text("'en'"))
    role: Mapped[str] = mapped_column(default=Role.USER, server_default=text("'user'"))
    created_at: Mapped[CreatedAt]
    disabled_at: Mapped[datetime | None] = mapped_column(default=None)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None)


class PendingUser(Base):
    """One attempt to sign up: becomes an account when its own token comes back, and only it.

    Several rows may have one address; the first that is verified wins, the others come to nothing. `user_agent` and
    `ip` say coarsely where it was made; `mail_id` is the mail with its latest link.
    """

    __tablename__ = "pending_users"
    __table_args__ = (
        Index("ix_pending_users_email_lower", text("lower(email)")),
        Index("ix_pending_users_expires_at", "expires_at"),
    )

    id: Mapped[Id]
    email: Mapped[str]
    password_hash: Mapped[str]
    name: Mapped[str | None] = mapped_column(default=None)
    locale: Mapped[str] = mapped_column(default="en")
    user_agent: Mapped[str]
    ip: Mapped[str]
    mail_id: Mapped[UUID | None] = mapped_column(default=None)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]


class NotificationPreferences(Base):
    """Which mails a user wants beside the necessary ones; no row: the defaults."""

    __tablename__ = "notification_preferences"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    job_finished: Mapped[bool] = mapped_column(default=True)
    billing: Mapped[bool] = mapped_column(default=True)
    product_news: Mapped[bool] = mapped_column(default=False)
