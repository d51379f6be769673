"""Users: who may sign in."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, CreatedAt, Id


class User(Base):
    """An account. The address is kept as given and unique without regard to case."""

    __tablename__ = "users"
    __table_args__ = (Index("uq_users_email_lower", text("lower(email)"), unique=True),)

    id: Mapped[Id]
    email: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[CreatedAt]
    disabled_at: Mapped[datetime | None] = mapped_column(default=None)
