"""What the service keeps about itself: which maintenance ran, and what the engines can do."""

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
