"""Links that turn off a kind of mail without signing in: signed, good for ever, and for nothing else."""

import hashlib
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.accounts import profile
from shared.accounts.activity import Kind
from shared.config import Settings
from shared.errors import AppError
from shared.models import User

SALT = "onevoice unsubscribe"
TOPICS = ("job_finished", "billing", "product_news")


def link_token(settings: Settings, user_id: UUID, topic: str) -> str:
    """The token that lets whoever has it turn off `topic` for the user."""
    token = _signers(settings)[0].dumps([user_id.hex, topic])
    return token if isinstance(token, str) else token.decode()


def redeem(settings: Settings, token: str) -> tuple[UUID, str]:
    """Whom and which topic the token is for. Raises AppError `token_invalid` (422)."""
    for signer in _signers(settings):
        try:
            user_id, topic = signer.loads(token)
            if topic in TOPICS:
                return UUID(user_id), topic
        except (BadData, ValueError, TypeError, AttributeError):
            continue
    raise AppError("token_invalid", "This link is not complete or not one of ours.", 422)


def turn_off(session: Session, user_id: UUID, topic: str) -> None:
    """No mails of `topic` for the user any more; nothing to do for who is gone.

    From where it was done is not kept: it may be a mail program's server.
    """
    alive = select(User.id).where(User.id == user_id, User.deleted_at.is_(None))
    if session.scalar(alive) is not None:
        profile.choose(session, user_id, {topic: False}, None, Kind.UNSUBSCRIBED)


def _signers(settings: Settings) -> list[URLSafeSerializer]:
    """The one that signs, then the one of the secret before."""
    secrets = [secret for secret in (settings.jwt_secret, settings.jwt_previous_secret) if secret is not None]
    how = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return [URLSafeSerializer(secret.get_secret_value(), salt=SALT, signer_kwargs=how) for secret in secrets]
