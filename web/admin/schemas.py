"""What the operators' routes take and give."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from pydantic import BaseModel, Field

from shared.costs.calls import Grouping
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


class JobCosts(BaseModel):
    """What a job's calls to providers came to. `unpriced`: how often something was used that has no known price."""

    price_usd: float
    calls: int
    failed: int
    unpriced: int


class AdminJob(JobBody):
    """Somebody's job, and what it cost."""

    user_id: UUID
    costs: JobCosts


class AdminJobList(BaseModel):
    """Jobs, newest first."""

    items: list[AdminJob]
    next_cursor: str | None


COSTS_DAYS = 30
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)


class CostQuery(PageQuery):
    """Which costs, and how they are put together."""

    by: Grouping = Field("day", description="One sum for each day (UTC), provider, model, slot or job.")
    since: date | None = Field(
        None, ge=FIRST_DAY, le=LAST_DAY, description="The first day (UTC); 30 days before `until` where none is given."
    )
    until: date | None = Field(
        None, ge=FIRST_DAY, le=LAST_DAY, description="The last day (UTC); today where none is given."
    )
    provider: str | None = Field(None, min_length=1, max_length=50)
    job_id: UUID | None = None

    @property
    def end(self) -> datetime:
        """The first moment that no longer counts."""
        return _midnight((self.until or datetime.now(UTC).date()) + timedelta(days=1))

    @property
    def begin(self) -> datetime:
        """The first moment that counts."""
        return _midnight(self.since) if self.since else self.end - timedelta(days=COSTS_DAYS)


class Cost(JobCosts):
    """The calls of one group: a day (`2026-11-28`), a provider, a model (`openai/whisper-1`), a slot, or a job's id,
    empty for jobs that are deleted. `units` are the amounts used: seconds, characters, bytes, tokens."""

    group: str
    units: dict[str, float]


class CostList(BaseModel):
    """Costs, the newest day or job first; other groups from Z to A."""

    items: list[Cost]
    next_cursor: str | None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
