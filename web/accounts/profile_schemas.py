"""What the routes of one's own account take and give."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from shared.models import Role
from web.accounts.sign_up_schemas import Body, Email, Given, Locale, Name, NewPassword


class Profile(BaseModel):
    """An account."""

    user_id: UUID
    email: str
    name: str | None
    locale: Locale
    role: Role
    created_at: datetime


class ProfileChange(Body):
    """What to change; what is left out stays. A `name` of null is none."""

    name: Name | None = None
    locale: Locale = "en"


class NewEmail(Body):
    """Another address, and the password."""

    email: Email
    password: Given


class PasswordChange(Body):
    """The password as it is and as it is to be."""

    current_password: Given
    new_password: NewPassword


class OwnPassword(Body):
    """The password, to show that it is you."""

    password: Given


class NewAddress(BaseModel):
    """The address that the account has from now on."""

    email: str


class Notifications(BaseModel):
    """Which mails you want, beside those that the account needs."""

    job_finished: bool
    billing: bool
    product_news: bool


class NotificationChange(Body):
    """What to change; what is left out stays."""

    job_finished: bool = Field(True, strict=True)
    billing: bool = Field(True, strict=True)
    product_news: bool = Field(False, strict=True)


class UnsubscribePath(BaseModel):
    """The token of a link in a mail."""

    token: str = Field(max_length=500)


class Unsubscribed(BaseModel):
    """Of which kind no mails come any more."""

    topic: str
    subscribed: bool = False


class ActivityBody(BaseModel):
    """One thing that happened. `user_agent` and `ip` are coarse, null for what no request did."""

    id: UUID
    kind: str
    details: dict[str, Any]
    user_agent: str | None
    ip: str | None
    created_at: datetime


class ActivityList(BaseModel):
    """What happened, newest first."""

    items: list[ActivityBody]
    next_cursor: str | None


class Export(BaseModel):
    """All that is known about you; secrets and the hashes of secrets are not in it."""

    exported_at: datetime
    profile: dict[str, Any]
    notifications: dict[str, Any]
    sessions: list[dict[str, Any]]
    api_keys: list[dict[str, Any]]
    activity: list[dict[str, Any]]
    mails: list[dict[str, Any]]
    webhooks: list[dict[str, Any]]
    webhook_deliveries: list[dict[str, Any]]
    videos: list[dict[str, Any]]
    imports: list[dict[str, Any]] = Field(description="Those that are under way.")
    new_addresses: list[dict[str, Any]] = Field(description="Those that wait for their link.")
    jobs: list[dict[str, Any]]
