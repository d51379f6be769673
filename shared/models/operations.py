"""What the service keeps about itself: which maintenance ran, what the engines can do, the speeds that were learned."""

from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, CreatedAt


class MaintenanceRun(Base):
    """A maintenance task ran for this period; the primary key lets it run once, whoever asks."""

    __tablename__ = "maintenance_runs"

    task: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[datetime] = mapped_column(primary_key=True)
    created_at: Mapped[CreatedAt]


class EngineCapabilities(Base):
    """What one slot's configured engines can do, as the worker tier last published it (see shared.languages)."""

    __tablename__ = "engine_capabilities"

    slot: Mapped[str] = mapped_column(primary_key=True)
    capabilities: Mapped[dict[str, Any]] = mapped_column(JSONB)
    published_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class StageSpeed(Base):
    """How fast a stage is, learned from the jobs that ran it: seconds of work for each second of sound.

    `engine` names engine and model, empty for stages without one. `runs` is how many jobs taught it.
    """

    __tablename__ = "stage_speeds"

    stage: Mapped[str] = mapped_column(primary_key=True)
    engine: Mapped[str] = mapped_column(primary_key=True)
    seconds_per_second: Mapped[float]
    runs: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class VoicePace(Base):
    """How fast a voice speaks a language: `characters` in `seconds`, of late.

    Characters are counted as the worker counts them (a syllable block or a digit is more than a letter).
    """

    __tablename__ = "voice_paces"

    voice_id: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    characters: Mapped[float]
    seconds: Mapped[float]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
