"""Mails to send, written in the transaction of what they tell about; and those of long ago forgotten."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.mails.templates import Template, locale_of
from shared.models import OutgoingMail, new_id

KEPT_DAYS = 30


def write(
    session: Session,
    template: Template,
    to: str,
    *,
    locale: str,
    user_id: UUID | None = None,
    once: str | None = None,
    **parameters: Any,
) -> UUID | None:
    """The new mail's id; None when a mail was written under the name `once` before.

    `parameters` are those of the template: text, times (aware) and lists of text. Raises ValueError for others.
    """
    if parameters.keys() != template.parameters:
        raise ValueError(f"{template} takes {sorted(template.parameters)}, not {sorted(parameters)}")
    row = insert(OutgoingMail).values(
        id=new_id(),
        user_id=user_id,
        to=to,
        template=template.value,
        locale=locale_of(locale),
        parameters={name: _plain(value) for name, value in parameters.items()},
        once=once,
    )
    return session.scalar(row.on_conflict_do_nothing(index_elements=["once"]).returning(OutgoingMail.id))


def skip(session: Session, *which: ColumnElement[bool]) -> None:
    """Send those of these mails no more that still wait: what they tell is not so any longer."""
    waiting = update(OutgoingMail).where(OutgoingMail.status == "PENDING", *which)
    session.execute(waiting.values(status="SKIPPED", parameters={}))


def skip_links(session: Session, user_id: UUID, *templates: Template) -> None:
    """Send the user's mails of these templates no more that still wait: their links work no more."""
    skip(session, OutgoingMail.user_id == user_id, OutgoingMail.template.in_(templates))


def adopt(session: Session, user_id: UUID, address: str) -> None:
    """Mails to the address, in its normal form, that are nobody's yet are the user's, and go when the user goes."""
    mine = (func.lower(OutgoingMail.to) == address, OutgoingMail.user_id.is_(None))
    session.execute(update(OutgoingMail).where(*mine).values(user_id=user_id))


def forget(session: Session) -> int:
    """Delete the mails that were over KEPT_DAYS ago, addresses and all; how many."""
    long_ago = OutgoingMail.created_at < func.now() - timedelta(days=KEPT_DAYS)
    old = delete(OutgoingMail).where(OutgoingMail.status != "PENDING", long_ago)
    return len(session.execute(old.returning(OutgoingMail.id)).all())


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time without its zone says nothing to a reader")
        return value.isoformat()
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else str(value)
