"""Videos: what users uploaded, and what the probe found in it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, func, select, text
from sqlalchemy.orm import Mapped, column_property, mapped_column

from shared.models.base import Base, CreatedAt, new_id


class VideoStatus(StrEnum):
    """AWAITING_UPLOAD or IMPORTING until the bytes are there and probed; then READY or REJECTED for good."""

    AWAITING_UPLOAD = "AWAITING_UPLOAD"
    IMPORTING = "IMPORTING"
    READY = "READY"
    REJECTED = "REJECTED"


class Import(Base):
    """The fetching of a video from an address: a small job of its own, over when its row is gone.

    Held by a lease like a dubbing job. `remote_etag` is the server's validator, so that a cut connection is resumed
    only on the same file; `received_bytes` is what is safely in the bucket's parts.
    """

    __tablename__ = "imports"
    __table_args__ = (Index("ix_imports_not_before", "not_before"),)

    video_id: Mapped[UUID] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True)
    url: Mapped[str]
    remote_etag: Mapped[str | None] = mapped_column(default=None)
    received_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    lease_token: Mapped[UUID | None] = mapped_column(default=None)
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    not_before: Mapped[datetime] = mapped_column(server_default=func.now())
    attempt: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    transient_failures: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[CreatedAt]


class Video(Base):
    """An original: one object `originals/{id}` in the bucket. Sizes in bytes, durations in seconds.

    `upload_id` is S3's name of an upload in parts of `part_size` bytes; None for a single PUT. `size_bytes` of an
    import is None until its server has said it. `rejection_code` says why a video was REJECTED, or why an import is
    tried again. `deleted_at` hides what is about to be deleted.
    """

    __tablename__ = "videos"
    __table_args__ = (
        Index("ix_videos_user_id_id", "user_id", "id"),
        Index("ix_videos_user_id_status_id", "user_id", "status", "id"),
        Index("ix_videos_expires_at", "expires_at", postgresql_where=text("expires_at is not null")),
        Index("ix_videos_deleted_at", "deleted_at", postgresql_where=text("deleted_at is not null")),
        Index("ix_videos_unfinished", "created_at", postgresql_where=text("status = 'AWAITING_UPLOAD'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    status: Mapped[str] = mapped_column(default=VideoStatus.AWAITING_UPLOAD)
    title: Mapped[str]
    filename: Mapped[str]
    content_type: Mapped[str]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    upload_id: Mapped[str | None] = mapped_column(default=None)
    part_size: Mapped[int | None] = mapped_column(BigInteger, default=None)
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
    deleted_at: Mapped[datetime | None] = mapped_column(default=None)
    # of an import: what is safely in the bucket, None once it is over
    received_bytes: Mapped[int | None] = column_property(
        select(Import.received_bytes).where(Import.video_id == id).correlate_except(Import).scalar_subquery()  # noqa: A003
    )
