"""Signing up: an attempt waits until its own token comes back from the address, and only then there is an account.

What is answered never tells whether an address has an account; the mail to it does. Anybody may sign up with anybody's
address: so a link lets in the password of its own attempt and of no other, its mail says when and from where that was
made, and only who knows the attempt's name has its link sent again.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.orm import Session

from shared.accounts import activity, attempts, one_time, passwords, policy, tokens, users
from shared.accounts.activity import Kind
from shared.accounts.attempts import Action, Window
from shared.accounts.client import Client
from shared.accounts.users import Transaction
from shared.config import Settings
from shared.errors import AppError
from shared.mails import links, outbox
from shared.mails.templates import Template
from shared.models import OutgoingMail, PendingUser, User, new_id

# Who comes late is told so, and can have another link, for this long.
KEPT_AFTER_EXPIRY = timedelta(days=1)
# Mails to one address that are asked for from one network may be attempts.MAILS; from all networks together so many.
ALL_MAILS = Window(4 * attempts.MAILS.most, attempts.MAILS.seconds)


@dataclass(frozen=True)
class Wanted:
    """Who someone says to be; `locale` is the language of mails and pages."""

    email: str
    password: str
    name: str | None = None
    locale: str = "en"


@dataclass(frozen=True)
class Asked:
    """The attempt's name, for who made it, and the mail to send: None when the address has had enough of them."""

    attempt: UUID
    mail_id: UUID | None


def ask(transaction: Transaction, settings: Settings, wanted: Wanted, where: Client) -> Asked:
    """Write down the attempt, and the mail with its link. Where there is an account, the attempt names nothing.

    One hash is made whether there is an account or not, before the database is asked. Raises AppError `invalid_email`,
    `weak_password` (422), `busy` (503).
    """
    email = users.checked_email(wanted.email)
    policy.check(wanted.password, email)
    password_hash = passwords.hash_password(wanted.password)
    attempt = new_id()
    with transaction() as session:
        if not _may_mail(session, email, where):
            return Asked(attempt, None)
        user = users.by_email(session, email)
        if user is not None:
            return Asked(attempt, _tell_owner(session, settings, user))
        said = {"email": email, "name": wanted.name, "locale": wanted.locale}
        from_there = {"user_agent": where.user_agent, "ip": where.ip}
        pending = PendingUser(id=attempt, password_hash=password_hash, **said, **from_there)
        return Asked(attempt, _send_link(session, settings, pending))


def resend(
    transaction: Transaction, settings: Settings, email: str, attempt: UUID | None, where: Client
) -> UUID | None:
    """Send a new link for this attempt, whose older one ends with it; the mail's id, None when none is sent.

    Without the attempt's name nobody can tell which one is theirs: the mail says to sign up again then. Raises AppError
    `invalid_email` (422).
    """
    email = users.checked_email(email)
    with transaction() as session:
        if not _may_mail(session, email, where):
            return None
        user = users.by_email(session, email)
        if user is not None:
            return _tell_owner(session, settings, user)
        pending = session.scalar(_waiting(email).where(PendingUser.id == attempt).with_for_update())
        return _send_link(session, settings, pending) if pending else _ask_to_sign_up(session, email)


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


def settle(session: Session, user_id: UUID, email: str) -> None:
    """The address is, or was, the user's: its attempts come to nothing, and mails about them go when the user goes.

    But for those that are being verified right now: theirs fails by itself.
    """
    others = select(PendingUser.id).where(_of(email)).with_for_update(skip_locked=True)
    session.execute(delete(PendingUser).where(PendingUser.id.in_(others)))
    outbox.adopt(session, user_id, users.normal_email(email))
    outbox.skip_links(session, user_id, Template.VERIFY, Template.SIGN_UP_AGAIN)


def _become(session: Session, pending: PendingUser) -> User:
    try:
        user = users.create(session, pending.email, pending.password_hash)
    except AppError as error:  # of two verifications at once the second waits for the first, and ends here
        raise one_time.invalid() from error
    user.name, user.locale = pending.name, pending.locale
    settle(session, user.id, user.email)
    return user


def _may_mail(session: Session, email: str, where: Client) -> bool:
    """Whether neither the network has asked for too many mails to the address, nor have all networks together."""
    who = users.normal_email(email)
    from_there = attempts.allowed(session, Action.SIGN_UP_MAIL, who, attempts.MAILS, where.ip)
    return from_there and attempts.allowed(session, Action.SIGN_UP_MAIL, who, ALL_MAILS)


def _tell_owner(session: Session, settings: Settings, user: User) -> UUID | None:
    link = links.forgot_password(settings)
    return outbox.write(
        session, Template.ALREADY_REGISTERED, user.email, locale=user.locale, user_id=user.id, link=link
    )


def _send_link(session: Session, settings: Settings, pending: PendingUser) -> UUID | None:
    now = one_time.from_now(session, 0)
    token, token_hash = tokens.new_token()
    pending.token_hash, pending.expires_at = token_hash, now + timedelta(seconds=settings.verify_token_seconds)
    if pending.mail_id is not None:
        outbox.skip(session, OutgoingMail.id == pending.mail_id)
    pending.mail_id = outbox.write(
        session,
        Template.VERIFY,
        pending.email,
        locale=pending.locale,
        link=links.verify_email(settings, token),
        expires=pending.expires_at,
        asked=pending.created_at or now,  # a new row has it from the database
        browser=Client(pending.user_agent, pending.ip).browser,
        network=pending.ip,
    )
    session.add(pending)
    return pending.mail_id


def _ask_to_sign_up(session: Session, email: str) -> UUID | None:
    """Nobody is written to who has not signed up."""
    latest = session.scalar(_waiting(email).order_by(PendingUser.id.desc()).limit(1))
    return None if latest is None else outbox.write(session, Template.SIGN_UP_AGAIN, email, locale=latest.locale)


def _waiting(email: str) -> Select[PendingUser]:
    return select(PendingUser).where(_of(email))


def _of(email: str) -> ColumnElement[bool]:
    return func.lower(PendingUser.email) == users.normal_email(email)
