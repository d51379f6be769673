"""What was asked of providers, and what it costs."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Id


class ProviderCall(Base):
    """One thing that one call used: an `amount` of a `unit`, at a `price` in US dollars (None: no price is known).

    A call that used several things has a row for each, under one `call_id`; a failed one has a row without a unit, its
    `outcome` the error's code instead of `ok`. The row stays when its job goes, and says no more then whose it was.
    """

    __tablename__ = "provider_calls"
    __table_args__ = (Index("ix_provider_calls_at", "at"), Index("ix_provider_calls_job_id", "job_id"))

    id: Mapped[Id]
    call_id: Mapped[UUID]
    at: Mapped[datetime]
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.job_id", ondelete="SET NULL"))
    language: Mapped[str | None] = mapped_column(default=None)
    slot: Mapped[str]
    provider: Mapped[str]
    model: Mapped[str]
    unit: Mapped[str | None] = mapped_column(default=None)
    amount: Mapped[float] = mapped_column(default=0.0)
    price: Mapped[Decimal | None] = mapped_column(Numeric(18, 9), default=None)
    outcome: Mapped[str]
