"""A user's default address for webhooks, and the secret that signs all of the user's webhooks."""

import base64
import secrets
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.accounts.access import demand_alive
from shared.models import WebhookEndpoint

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """A secret as the Standard Webhooks specification writes them: `whsec_` and base64 of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def find(session: Session, user_id: UUID) -> WebhookEndpoint:
    """The user's endpoint; its secret is made when it is first asked for. Its `url` may be None."""
    made = insert(WebhookEndpoint).values(user_id=user_id, secret=new_secret())
    session.execute(made.on_conflict_do_nothing())
    return session.get_one(WebhookEndpoint, user_id, populate_existing=True)


def put(session: Session, user_id: UUID, url: str) -> WebhookEndpoint:
    """Tell the user there from now on; `url` is one that shared.egress has checked."""
    demand_alive(session, user_id)
    endpoint = find(session, user_id)
    endpoint.url = url
    session.flush()
    return endpoint


def remove(session: Session, user_id: UUID) -> None:
    """No default address any more; the secret stays, for jobs that name an address of their own."""
    session.execute(update(WebhookEndpoint).where(WebhookEndpoint.user_id == user_id).values(url=None))


def rotate(session: Session, user_id: UUID) -> WebhookEndpoint:
    """Another secret: all that is sent from now on is signed with it."""
    demand_alive(session, user_id)
    endpoint = find(session, user_id)
    endpoint.secret = new_secret()
    session.flush()
    return endpoint
