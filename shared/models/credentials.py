"""What lets a user in beside the password: sessions with their refresh tokens, one-time tokens, API keys.

Tokens are kept as SHA-256 of 32 random bytes: nothing that the database holds opens anything.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from shared.models.base import Base, CreatedAt, Id


class UserSession(Base):
    """One signing-in, and the family of refresh tokens that follow from it. Over when `revoked_at` is set.

    `user_agent` and `ip` are coarse: browser and system, and the network of the address.
    """

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_user_id_id", "user_id", "id"), Index("ix_sessions_expires_at", "expires_at"))

    id: Mapped[Id]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    user_agent: Mapped[str]
    ip: Mapped[str]
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class RefreshToken(Base):
    """One refresh token of a session; `used_at` says when it was turned into the next."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index("ix_refresh_tokens_session_id", "session_id"),)

    id: Mapped[Id]
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[CreatedAt]
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class OneTimeToken(Base):
    """A link sent by mail: to reset the password, or to confirm a new address (`email`). Used at most once."""

    __tablename__ = "one_time_tokens"
    __table_args__ = (
        CheckConstraint("purpose in ('reset_password', 'new_email')", name="purpose"),
        Index("ix_one_time_tokens_user_id", "user_id"),
        Index("ix_one_time_tokens_expires_at", "expires_at"),
    )

    id: Mapped[Id]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[str]
    email: Mapped[str | None] = mapped_column(default=None)
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class ApiKey(Base):
    """A key for programs; `prefix` (`ov_` and eight characters) is what its owner sees of it later."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("ix_api_keys_user_id_id", "user_id", "id"),)

    id: Mapped[Id]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    prefix: Mapped[str]
    key_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String))
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)
