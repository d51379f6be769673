"""Deleting an account: it ends at once, what is personal goes, a row without identity stays for what refers to it."""

from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from shared.accounts import attempts, own_password, sign_up, users
from shared.accounts.attempts import Action
from shared.accounts.users import Transaction
from shared.config import Settings
from shared.dubbing import jobs, state
from shared.models import (
    Activity,
    ApiKey,
    IdempotencyKey,
    Job,
    NotificationPreferences,
    OneTimeToken,
    OutgoingMail,
    User,
    UserSession,
    Video,
    WebhookDelivery,
    WebhookEndpoint,
)
from shared.videos.deletion import hide_all

# Sessions take their refresh tokens along.
PERSONAL = (
    UserSession,
    ApiKey,
    OneTimeToken,
    Activity,
    NotificationPreferences,
    WebhookEndpoint,
    WebhookDelivery,
    IdempotencyKey,
    OutgoingMail,
)


def delete_account(transaction: Transaction, settings: Settings, user_id: UUID, password: str) -> None:
    """End the account of who knows its password. Raises what own_password.confirm and lock raise."""
    known = own_password.confirm(transaction, user_id, password)
    with transaction() as session:
        user = own_password.lock(session, known)
        _hide_media(session, settings, user_id)
        sign_up.settle(session, user_id, user.email)
        for table in PERSONAL:
            session.execute(delete(table).where(table.user_id == user_id))
        session.execute(delete(OutgoingMail).where(func.lower(OutgoingMail.to) == users.normal_email(user.email)))
        attempts.forget(session, Action.SIGN_IN, users.normal_email(user.email))
        _make_nobody(session, user)


def _hide_media(session: Session, settings: Settings, user_id: UUID) -> None:
    """Hide the videos and jobs, and end what is live; objects and rows are purged once nothing can write to them."""
    # As everywhere: the videos first, then their jobs. Not FOR UPDATE: who records an artifact shares the video's key.
    mine = select(Video.id).where(Video.user_id == user_id, Video.deleted_at.is_(None)).order_by(Video.id)
    hide_all(session, list(session.scalars(mine.with_for_update(key_share=True))))
    session.execute(update(Job).where(Job.user_id == user_id).values(webhook_url=None))
    live = select(Job.job_id).where(Job.user_id == user_id, Job.status.in_(state.LIVE)).order_by(Job.job_id)
    for job_id in session.scalars(live).all():
        jobs.request_cancel(session, job_id, even_when_ready=True)
        jobs.settle(session, job_id, settings)


def _make_nobody(session: Session, user: User) -> None:
    user.email = f"deleted-{user.id}@deleted.invalid"
    user.password_hash = "!"  # noqa: S105 - no password has this hash
    user.name = None
    user.locale = "en"
    session.flush()
    session.execute(update(User).where(User.id == user.id).values(deleted_at=func.now()))
