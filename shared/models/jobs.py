"""Jobs, their dubs (one per language) and the files that came out of them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.models.base import Base, CreatedAt, Document, Id

STATUSES = "status in ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELED')"
# It can be large, so it is read only where it is asked for.
GivenText = Annotated[dict[str, Any] | None, mapped_column(JSONB(none_as_null=True), default=None, deferred=True)]
LIVE = text("status in ('PENDING', 'PROCESSING')")


class Job(Base):
    """One request to dub one video. This row is the truth; a queue message is only a wake-up call.

    `options` is what the request asked for: `voices`, `background`, `subtitles`, `range`, `preview`, `speakers`,
    `voice_consent`, `glossary`, `registers`; `voices_for`, `glossary_for`, `registers_for` by language that was added.
    `source_transcript` is the given transcript as shared.dubbing.transcript writes it; it can be large and is read
    only where it is asked for. A job that was over and goes on (retry, another language) opens another `round`.
    `deleted_at` hides what is about to be deleted. `status` is written only through shared.dubbing.state.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(STATUSES, name="status"),
        CheckConstraint("status <> 'PROCESSING' or lease_token is not null", name="lease"),
        Index("ix_jobs_user_id_job_id", "user_id", "job_id"),
        Index("ix_jobs_user_id_status_job_id", "user_id", "status", "job_id"),
        Index("ix_jobs_video_id_job_id", "video_id", "job_id"),
        Index("ix_jobs_expires_at", "expires_at", postgresql_where=text("expires_at is not null")),
        Index("ix_jobs_live", "status", "not_before", postgresql_where=LIVE),
        Index("ix_jobs_live_user_id", "user_id", postgresql_where=LIVE),
    )

    job_id: Mapped[Id]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    video_id: Mapped[UUID] = mapped_column(ForeignKey("videos.id"))
    status: Mapped[str]
    stage: Mapped[str | None] = mapped_column(default=None)
    progress: Mapped[float] = mapped_column(default=0.0)
    source_language: Mapped[str | None] = mapped_column(default=None)
    source_transcript: Mapped[GivenText]
    options: Mapped[Document]
    original_s3_path: Mapped[str]
    result_s3_path: Mapped[str | None] = mapped_column(default=None)
    webhook_url: Mapped[str | None] = mapped_column(default=None)
    round: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    error_code: Mapped[str | None] = mapped_column(default=None)
    error_message: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[CreatedAt]
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    # when the worker that runs it expects the end, by measured stage speeds
    estimated_end_at: Mapped[datetime | None] = mapped_column(default=None)
    completed_at: Mapped[datetime | None] = mapped_column(default=None)
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None)
    cancel_requested_at: Mapped[datetime | None] = mapped_column(default=None)
    # the lease of the worker that runs it
    lease_token: Mapped[UUID | None] = mapped_column(default=None)
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    # the next wake-up
    not_before: Mapped[datetime] = mapped_column(server_default=func.now())
    wake_sent_at: Mapped[datetime | None] = mapped_column(default=None)
    wakes: Mapped[int] = mapped_column(default=0)
    # counted apart: claims, lapsed leases, transient failures
    attempt: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    transient_failures: Mapped[int] = mapped_column(default=0)
    first_transient_at: Mapped[datetime | None] = mapped_column(default=None)

    dubs: Mapped[list["Dub"]] = relationship(back_populates="job", order_by="Dub.position", lazy="selectin")


class Dub(Base):
    """One language of a job, with its own status, progress, error and results.

    `transcript` is the text given for this language (as source_transcript is for the source), or None.
    """

    __tablename__ = "dubs"
    __table_args__ = (CheckConstraint(STATUSES, name="status"), UniqueConstraint("job_id", "language"))

    id: Mapped[Id]
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.job_id", ondelete="CASCADE"))
    position: Mapped[int]
    language: Mapped[str]
    status: Mapped[str]
    transcript: Mapped[GivenText]
    round: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    stage: Mapped[str | None] = mapped_column(default=None)
    progress: Mapped[float] = mapped_column(default=0.0)
    error_code: Mapped[str | None] = mapped_column(default=None)
    error_message: Mapped[str | None] = mapped_column(default=None)
    result_s3_path: Mapped[str | None] = mapped_column(default=None)
    completed_at: Mapped[datetime | None] = mapped_column(default=None)

    job: Mapped[Job] = relationship(back_populates="dubs")


class Result(Base):
    """A file a user can download. `language` is None for what belongs to the source (its transcript, its subtitles)."""

    __tablename__ = "results"
    __table_args__ = (UniqueConstraint("job_id", "language", "kind", "filename", postgresql_nulls_not_distinct=True),)

    id: Mapped[Id]
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.job_id", ondelete="CASCADE"))
    language: Mapped[str | None] = mapped_column(default=None)
    kind: Mapped[str]
    key: Mapped[str]
    filename: Mapped[str]
    content_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]


class Artifact(Base):
    """What a stage made: an object in the bucket, named by what went into it, and facts about it.

    Shared by all jobs of one video, never across owners. `job_id` and `lease_token` say who made it, `engine` how.
    """

    __tablename__ = "artifacts"
    __table_args__ = (UniqueConstraint("video_id", "fingerprint"), Index("ix_artifacts_created_at", "created_at"))

    id: Mapped[Id]
    video_id: Mapped[UUID] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    fingerprint: Mapped[str]
    stage: Mapped[str]
    key: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    facts: Mapped[Document]
    engine: Mapped[str | None] = mapped_column(default=None)
    job_id: Mapped[UUID]
    lease_token: Mapped[UUID]
    created_at: Mapped[CreatedAt]
