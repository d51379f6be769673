"""What the operators' routes take and give."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from shared.dubbing.state import Status
from shared.models import Role
from web.dubbing.schemas import JobBody
from web.paging import PageQuery


class UserQuery(PageQuery):
    """Which users."""

    query: str | None = Field(
        None, min_length=1, max_length=320, description="An id, or a part of an address or of a name."
    )


class AdminUser(BaseModel):
    """An account, as operators see it."""

    user_id: UUID
    email: str
    name: str | None
    locale: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None
    deleted_at: datetime | None


class AdminUserList(BaseModel):
    """Users, newest first."""

    items: list[AdminUser]
    next_cursor: str | None


class AdminJobQuery(PageQuery):
    """Which jobs."""

    status: Status | None = None
    user_id: UUID | None = None


class AdminJob(JobBody):
    """Somebody's job."""

    user_id: UUID


class AdminJobList(BaseModel):
    """Jobs, newest first."""

    items: list[AdminJob]
    next_cursor: str | None
