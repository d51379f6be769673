"""Signing up: an attempt waits until its own token comes back from the address, and only then there is an account.

What is answered never tells whether an address has an account; the mail to it does.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from shared.accounts import activity, attempts, one_time, passwords, policy, tokens, users
from shared.accounts.activity import Kind
from shared.accounts.attempts import Action
from shared.accounts.client import Client
from shared.accounts.users import Transaction
from shared.config import Settings
from shared.errors import AppError
from shared.mails import links, outbox
from shared.mails.templates import Template
from shared.models import PendingUser, User

# Who comes late is told so, and can have another link, for this long.
KEPT_AFTER_EXPIRY = timedelta(days=1)


@dataclass(frozen=True)
class Wanted:
    """Who someone says to be; `locale` is the language of mails and pages."""

    email: str
    password: str
    name: str | None = None
    locale: str = "en"


def ask(transaction: Transaction, settings: Settings, wanted: Wanted) -> UUID | None:
    """Write down the attempt, and the mail with its link; the mail's id, None when the address has had enough of them.

    One hash is made whether there is an account or not, before the database is asked. Raises AppError `invalid_email`,
    `weak_password` (422), `busy` (503).
    """
    email = users.checked_email(wanted.email)
    policy.check(wanted.password, email)
    password_hash = passwords.hash_password(wanted.password)
    with transaction() as session:
        if not attempts.allowed(session, Action.SIGN_UP_MAIL, email, attempts.MAILS):
            return None
        user = users.by_email(session, email)
        if user is not None:
            return _tell_owner(session, settings, user)
        pending = PendingUser(email=email, password_hash=password_hash, name=wanted.name, locale=wanted.locale)
        return _send_link(session, settings, pending)


def resend(transaction: Transaction, settings: Settings, email: str) -> UUID | None:
    """Send a new link for the address's latest attempt that still waits; the mail's id, None when none is sent.

    The link lets in no password that the mail of the attempt itself didn't: it belongs to that one row, whoever asks
    for it, and goes to nobody but the address. The row's older link ends with it. Raises AppError `invalid_email`.
    """
    email = users.checked_email(email)
    with transaction() as session:
        if not attempts.allowed(session, Action.SIGN_UP_MAIL, email, attempts.MAILS):
            return None
        user = users.by_email(session, email)
        if user is not None:
            return _tell_owner(session, settings, user)
        latest = select(PendingUser).where(_of(email)).order_by(PendingUser.id.desc()).limit(1).with_for_update()
        pending = session.scalar(latest)
        return None if pending is None else _send_link(session, settings, pending)


def verify(transaction: Transaction, token: str, where: Client) -> User:
    """The account that the token's own attempt becomes; other attempts of its address come to nothing.

    Raises AppError `token_invalid` (422) for a token that is unknown, malformed, used, or of an address that has an
    account by now; `token_expired` (410).
    """
    with transaction() as session:
        mine = PendingUser.token_hash == tokens.hashed(token)
        expired = (PendingUser.expires_at <= func.now()).label("expired")
        row = session.execute(select(PendingUser, expired).where(mine).with_for_update()).one_or_none()
        if row is None:
            raise one_time.invalid()
        if row.expired:
            raise one_time.expired()
        user = _become(session, row.PendingUser)
        activity.note(session, user.id, Kind.ACCOUNT_CREATED, where)
        return user


def expire(session: Session) -> int:
    """Forget attempts whose time ran out long ago; how many."""
    old = delete(PendingUser).where(PendingUser.expires_at < func.now() - KEPT_AFTER_EXPIRY)
    return len(session.execute(old.returning(PendingUser.id)).all())


def forget(session: Session, email: str) -> None:
    """Drop the address's attempts, but those that are being verified right now: theirs fails by itself."""
    others = select(PendingUser.id).where(_of(email)).with_for_update(skip_locked=True)
    session.execute(delete(PendingUser).where(PendingUser.id.in_(others)))


def _become(session: Session, pending: PendingUser) -> User:
    try:
        user = users.create(session, pending.email, pending.password_hash)
    except AppError as error:  # of two verifications at once the second waits for the first, and ends here
        raise one_time.invalid() from error
    user.name, user.locale = pending.name, pending.locale
    forget(session, pending.email)
    return user


def _tell_owner(session: Session, settings: Settings, user: User) -> UUID | None:
    link = links.forgot_password(settings)
    return outbox.write(
        session, Template.ALREADY_REGISTERED, user.email, locale=user.locale, user_id=user.id, link=link
    )


def _send_link(session: Session, settings: Settings, pending: PendingUser) -> UUID | None:
    expires = one_time.from_now(session, settings.verify_token_seconds)
    token, token_hash = tokens.new_token()
    pending.token_hash, pending.expires_at = token_hash, expires
    session.add(pending)
    link = links.verify_email(settings, token)
    return outbox.write(session, Template.VERIFY, pending.email, locale=pending.locale, link=link, expires=expires)


def _of(email: str) -> ColumnElement[bool]:
    return func.lower(PendingUser.email) == func.lower(email)
