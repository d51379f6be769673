"""All that is known about a user, as plain values: what they gave, what they did, what was made for them.

Columns are named one by one, so that no secret gets out because a table grew. What only our bookkeeping knows (leases,
counters) and hashes of credentials are not in it, nor is what can be large: the media, which have calls of their own,
and the texts that were given with jobs.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.accounts import profile
from shared.accounts.one_time import Purpose
from shared.models import (
    Activity,
    ApiKey,
    Base,
    Dub,
    Import,
    Job,
    NotificationPreferences,
    OneTimeToken,
    OutgoingMail,
    Result,
    User,
    UserSession,
    Video,
    WebhookDelivery,
    WebhookEndpoint,
)

PROFILE = ("id", "email", "name", "locale", "role", "created_at")
PREFERENCES = ("job_finished", "billing", "product_news")
SESSION = ("id", "user_agent", "ip", "created_at", "last_used_at", "expires_at", "revoked_at")
API_KEY = ("id", "name", "prefix", "scopes", "created_at", "last_used_at", "revoked_at")
ACTIVITY = ("id", "kind", "details", "user_agent", "ip", "created_at")
MAIL = ("id", "to", "template", "locale", "status", "created_at", "sent_at")
WEBHOOK = ("url", "created_at", "updated_at")
DELIVERY = ("id", "job_id", "event", "url", "status", "attempts", "delivered_at", "created_at")
FACTS = ("duration_seconds", "has_video", "width", "height", "fps")
VIDEO = ("id", "status", "title", "filename", "content_type", "size_bytes", *FACTS, "created_at", "uploaded_at")
IMPORT = ("video_id", "url", "created_at")
NEW_ADDRESS = ("email", "created_at", "expires_at")
ERROR = ("error_code", "error_message")
ASKED = ("source_language", "options", "webhook_url")
JOB = ("job_id", "video_id", "status", *ASKED, *ERROR, "round", "created_at", "started_at", "completed_at")
DUB = ("language", "status", *ERROR, "completed_at")
RESULT = ("language", "kind", "filename", "content_type", "size_bytes", "created_at")


def of(session: Session, user_id: UUID) -> dict[str, Any]:
    """Everything about the user, by what it is about. Raises AppError `not_found` (404)."""
    preferences = profile.notifications(session, user_id)
    videos = select(Video.id).where(Video.user_id == user_id, Video.deleted_at.is_(None))
    return {
        "profile": _plain(profile.find(session, user_id), PROFILE),
        "notifications": _plain(preferences, PREFERENCES),
        "sessions": _rows(session, UserSession, SESSION, UserSession.user_id == user_id),
        "api_keys": _rows(session, ApiKey, API_KEY, ApiKey.user_id == user_id),
        "activity": _rows(session, Activity, ACTIVITY, Activity.user_id == user_id),
        "mails": _rows(session, OutgoingMail, MAIL, OutgoingMail.user_id == user_id),
        "webhooks": _rows(session, WebhookEndpoint, WEBHOOK, WebhookEndpoint.user_id == user_id),
        "webhook_deliveries": _rows(session, WebhookDelivery, DELIVERY, WebhookDelivery.user_id == user_id),
        "videos": _rows(session, Video, VIDEO, Video.user_id == user_id, Video.deleted_at.is_(None)),
        "imports": _rows(session, Import, IMPORT, Import.video_id.in_(videos)),
        "new_addresses": _rows(session, OneTimeToken, NEW_ADDRESS, *_waiting(user_id)),
        "jobs": _jobs(session, user_id),
    }


def _waiting(user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """Of the links to new addresses those that would still be accepted."""
    mine = (OneTimeToken.user_id == user_id, OneTimeToken.purpose == Purpose.NEW_EMAIL)
    return (*mine, OneTimeToken.used_at.is_(None), OneTimeToken.expires_at > func.now())


def _jobs(session: Session, user_id: UUID) -> list[dict[str, Any]]:
    mine = (Job.user_id == user_id, Job.deleted_at.is_(None))
    found = _rows(session, Job, JOB, *mine)
    ids = select(Job.job_id).where(*mine)
    dubs = _by_job(session, Dub, DUB, ids)
    results = _by_job(session, Result, RESULT, ids)
    return [{**job, "dubs": dubs.get(job["job_id"], []), "results": results.get(job["job_id"], [])} for job in found]


def _by_job(session: Session, table: type[Dub] | type[Result], names: Sequence[str], ids: Any) -> dict[UUID, Any]:
    by_job: dict[UUID, list[dict[str, Any]]] = {}
    for row in _rows(session, table, ("job_id", *names), table.job_id.in_(ids)):
        by_job.setdefault(row.pop("job_id"), []).append(row)
    return by_job


def _rows(
    session: Session, table: type[Base], names: Sequence[str], *where: ColumnElement[bool]
) -> list[dict[str, Any]]:
    columns: list[InstrumentedAttribute[Any]] = [getattr(table, name) for name in names]
    rows = session.execute(select(*columns).where(*where).order_by(*table.__mapper__.primary_key))
    return [dict(zip(names, row, strict=True)) for row in rows]


def _plain(row: User | NotificationPreferences, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
