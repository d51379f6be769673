"""What is to be told, written with what it tells about; and the log of what was told."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.dubbing.state import OVER, Status
from shared.errors import AppError, not_found
from shared.models import Dub, Job, WebhookDelivery, WebhookEndpoint, new_id
from shared.webhooks import endpoints

# The job of an event that is about none.
NO_JOB = UUID(int=0)
PING = "ping"


def job_ended(session: Session, job: Job, status: Status) -> None:
    """Tell the job's owner that it ended, in the transaction that ends it and after its rows are written.

    To the job's own address, else the account's; nothing where there is neither.
    """
    session.flush()
    default = select(WebhookEndpoint.url).where(WebhookEndpoint.user_id == job.user_id)
    url = job.webhook_url or session.scalar(default)
    if url is None:
        return
    endpoints.find(session, job.user_id)  # the secret that it will be signed with
    event = f"dubbing_job.{status.value.lower()}"
    _write(session, job.user_id, job.job_id, event, url, _job_data(session, job.job_id, status))


def ping(session: Session, user_id: UUID) -> WebhookDelivery:
    """Try the account's address. Raises AppError `no_webhook` (409)."""
    url = endpoints.find(session, user_id).url
    if url is None:
        raise AppError("no_webhook", "There is no webhook address yet. Set one first.", 409)
    return _write(session, user_id, NO_JOB, PING, url, {})


def listed(
    session: Session, user_id: UUID, *, limit: int, before: UUID | None, status: str | None, job_id: UUID | None
) -> Sequence[WebhookDelivery]:
    """Up to `limit` of the user's deliveries, newest first, older than `before`; of one status, about one job."""
    query = select(WebhookDelivery).where(WebhookDelivery.user_id == user_id)
    if before is not None:
        query = query.where(WebhookDelivery.id < before)
    if status is not None:
        query = query.where(WebhookDelivery.status == status)
    if job_id is not None:
        query = query.where(WebhookDelivery.job_id == job_id)
    return session.scalars(query.order_by(WebhookDelivery.id.desc()).limit(limit)).all()


def redeliver(session: Session, user_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Tell the same once more, as a delivery of its own. Raises AppError `not_found`, `invalid_state` (409)."""
    mine = (WebhookDelivery.id == delivery_id, WebhookDelivery.user_id == user_id)
    found = session.scalar(select(WebhookDelivery).where(*mine))
    if found is None:
        raise not_found("webhook delivery")
    if found.status == "PENDING":
        raise AppError("invalid_state", "This delivery is still being tried.", 409)
    return _add(session, user_id, found.job_id, found.event, found.url, found.body)


def _job_data(session: Session, job_id: UUID, status: Status) -> dict[str, Any]:
    columns = (Job.video_id, Job.round, Job.error_code, Job.error_message)
    job = session.execute(select(*columns).where(Job.job_id == job_id)).one()
    dubs = session.execute(
        select(Dub.language, Dub.status, Dub.error_code, Dub.error_message)
        .where(Dub.job_id == job_id)
        .order_by(Dub.position)
    ).all()
    return {
        "job_id": str(job_id),
        "video_id": str(job.video_id),
        "status": status.value,
        "round": job.round,
        "error": _error(job.error_code, job.error_message),
        "dubs": [
            {
                "language": dub.language,
                "status": dub.status,
                "error": _error(dub.error_code, dub.error_message) if dub.status in OVER else None,
            }
            for dub in dubs
        ],
    }


def _error(code: str | None, message: str | None) -> dict[str, str] | None:
    return None if code is None else {"code": code, "message": message or ""}


def _write(
    session: Session, user_id: UUID, job_id: UUID, event: str, url: str, data: Mapping[str, Any]
) -> WebhookDelivery:
    now: datetime = session.scalar(select(func.now()))  # type: ignore[assignment]
    body = json.dumps({"type": event, "timestamp": now.isoformat(), "data": data}, ensure_ascii=False)
    return _add(session, user_id, job_id, event, url, body)


def _add(session: Session, user_id: UUID, job_id: UUID, event: str, url: str, body: str) -> WebhookDelivery:
    delivery = WebhookDelivery(
        id=new_id(), user_id=user_id, job_id=job_id, event=event, url=url, body=body, status="PENDING"
    )
    session.add(delivery)
    session.flush()
    session.refresh(delivery)
    return delivery
