"""Videos: what users uploaded, and what the probe found in it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, CreatedAt, Id


class VideoStatus(StrEnum):
    """AWAITING_UPLOAD until the bytes are there and probed; then READY or REJECTED for good."""

    AWAITING_UPLOAD = "AWAITING_UPLOAD"
    READY = "READY"
    REJECTED = "REJECTED"


class Video(Base):
    """An original: one object `originals/{id}` in the bucket. Sizes in bytes, durations in seconds."""

    __tablename__ = "videos"
    __table_args__ = (Index("ix_videos_user_id_id", "user_id", "id"),)

    id: Mapped[Id]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    status: Mapped[str] = mapped_column(default=VideoStatus.AWAITING_UPLOAD)
    title: Mapped[str]
    filename: Mapped[str]
    content_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    etag: Mapped[str | None] = mapped_column(default=None)
    rejection_code: Mapped[str | None] = mapped_column(default=None)
    rejection_message: Mapped[str | None] = mapped_column(default=None)
    duration_seconds: Mapped[float | None] = mapped_column(default=None)
    has_video: Mapped[bool | None] = mapped_column(default=None)
    width: Mapped[int | None] = mapped_column(default=None)
    height: Mapped[int | None] = mapped_column(default=None)
    fps: Mapped[float | None] = mapped_column(default=None)
    has_thumbnail: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[CreatedAt]
    uploaded_at: Mapped[datetime | None] = mapped_column(default=None)
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
