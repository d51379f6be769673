"""Voices that were cloned at a provider for a job."""

from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, CreatedAt, Id


class ClonedVoice(Base):
    """A clone that is there, or may be: the row is written before the provider is asked, and goes after the voice has.

    Without a foreign key, for it has to outlive its job. `provider` is the engine, `reference` the SHA-256 of the
    speech it is made of, or says that it is being deleted; `voice_id` is None until the provider has answered. The
    voice is named after `id`.
    """

    __tablename__ = "cloned_voices"
    __table_args__ = (UniqueConstraint("job_id", "provider", "reference"), Index("ix_cloned_voices_job_id", "job_id"))

    id: Mapped[Id]
    job_id: Mapped[UUID]
    provider: Mapped[str]
    reference: Mapped[str]
    voice_id: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[CreatedAt]
