"""What the routes of sessions and API keys take and give."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.accounts.api_keys import Scope

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class SessionPath(BaseModel):
    """Which session."""

    session_id: UUID


class SessionBody(BaseModel):
    """A session that is on. `user_agent` and `ip` are coarse, and those of the last refresh."""

    session_id: UUID
    user_agent: str
    ip: str
    current: bool = Field(description="Whether it is the one that asks.")
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime


class SessionList(BaseModel):
    """Sessions, newest first."""

    items: list[SessionBody]
    next_cursor: str | None


class KeyPath(BaseModel):
    """Which API key."""

    key_id: UUID


class NewKey(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    scopes: list[Scope] = Field(
        min_length=1, max_length=len(Scope), description="`read` lets GET and HEAD pass, `write` everything else."
    )


class KeyBody(BaseModel):
    """An API key, as far as it can still be seen."""

    key_id: UUID
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")


class MadeKey(KeyBody):
    """A key that was just made: `key` is shown this once."""

    key: str


class KeyList(BaseModel):
    """All keys that are not revoked, newest first."""

    items: list[KeyBody]
