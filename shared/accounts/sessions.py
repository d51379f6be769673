"""Sessions: each signing-in opens one, and refresh tokens carry it on, each one used once.

A session is a family of refresh tokens. Who uses an old one of them has stolen it, or was stolen from: the session
ends. Two tabs that refresh at once mean no harm, so a token that comes again shortly after its use gets a sibling.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Update, delete, func, select, update
from sqlalchemy.orm import Session

from shared.accounts import activity, tokens
from shared.accounts.access import ALIVE
from shared.accounts.activity import Kind
from shared.accounts.client import Client
from shared.config import Settings
from shared.errors import AppError
from shared.models import RefreshToken, User, UserSession, new_id

Transaction = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True)
class Opened:
    """A session that was begun or carried on, and the refresh token that carries it on from here."""

    session_id: UUID
    refresh_token: str
    user_id: UUID
    role: str


def begin(session: Session, user_id: UUID, where: Client, *, lasts_seconds: float, password_hash: str) -> Opened:
    """A new session for the user whose password was checked against `password_hash`.

    Raises AppError `wrong_credentials` (401) if the user was disabled, or given another password, since the check: the
    lock waits for who is doing that.
    """
    known = select(User.role).where(User.id == user_id, User.password_hash == password_hash, *ALIVE)
    role = session.scalar(known.with_for_update(read=True))
    if role is None:
        raise AppError("wrong_credentials", "The e-mail address or the password is wrong.", 401)
    session_id = new_id()
    expires_at = func.now() + timedelta(seconds=lasts_seconds)
    session.add(
        UserSession(id=session_id, user_id=user_id, user_agent=where.user_agent, ip=where.ip, expires_at=expires_at)
    )
    session.flush()
    return Opened(session_id, _next_token(session, session_id), user_id, role)


def refresh(transaction: Transaction, settings: Settings, refresh_token: str, where: Client) -> Opened:
    """Carry the session on with a fresh token in the place of this one.

    Raises AppError `token_reused` (401), and the session is over; `token_expired`, `not_authenticated` (401).
    """
    with transaction() as session:
        outcome = _carry_on(session, settings, tokens.hashed(refresh_token), where)
    if isinstance(outcome, AppError):  # raised only now, for what it did to the session has to stay
        raise outcome
    return outcome


def of_token(session: Session, refresh_token: str) -> tuple[UUID, UUID] | None:
    """(user, session) that a refresh token belongs to, used or not; None for a token that is unknown."""
    query = select(UserSession.user_id, UserSession.id).join(RefreshToken)
    row = session.execute(query.where(RefreshToken.token_hash == tokens.hashed(refresh_token))).one_or_none()
    return None if row is None else (row.user_id, row.id)


def revoke(session: Session, user_id: UUID, session_id: UUID) -> bool:
    """End one session of the user at once. Whether it was still on."""
    return _ended(session, _end(user_id).where(UserSession.id == session_id)) == 1


def revoke_all(session: Session, user_id: UUID, but: UUID | None = None) -> int:
    """End the user's sessions at once, all or all but one; how many."""
    return _ended(session, _end(user_id) if but is None else _end(user_id).where(UserSession.id != but))


def listed(
    session: Session, user_id: UUID, *, limit: int | None = None, before: UUID | None = None
) -> Sequence[UserSession]:
    """The user's sessions that are on, newest first; those older than `before`."""
    query = select(UserSession).where(UserSession.user_id == user_id, *_on())
    if before is not None:
        query = query.where(UserSession.id < before)
    return session.scalars(query.order_by(UserSession.id.desc()).limit(limit)).all()


def expire(session: Session, settings: Settings) -> int:
    """Forget sessions whose time is over, and tokens too old to be used even if they had not been; how many rows."""
    over = delete(UserSession).where(UserSession.expires_at <= func.now())
    oldest = func.now() - timedelta(seconds=settings.refresh_token_seconds)
    used = delete(RefreshToken).where(RefreshToken.used_at.is_not(None), RefreshToken.created_at <= oldest)
    return sum(
        len(session.execute(rows).all()) for rows in (over.returning(UserSession.id), used.returning(RefreshToken.id))
    )


def _carry_on(session: Session, settings: Settings, token_hash: str, where: Client) -> Opened | AppError:
    family = session.execute(_family(token_hash)).one_or_none()
    if family is None or family.revoked_at is not None:
        return AppError("not_authenticated", "This session is over. Sign in again.", 401)
    # A second query, so that it sees what the holder of the family's lock did to the token.
    token = session.execute(_token(token_hash, settings)).one()
    if token.since is not None and token.since > timedelta(seconds=settings.refresh_grace_seconds):
        return _reused(session, family, where)
    if token.is_old or family.is_over:
        return AppError("token_expired", "The refresh token has expired. Sign in again.", 401)
    if token.since is None:
        session.execute(update(RefreshToken).where(RefreshToken.token_hash == token_hash).values(used_at=func.now()))
    expires_at = func.now() + timedelta(seconds=settings.refresh_token_seconds)
    values = {"expires_at": expires_at, "last_used_at": func.now(), "ip": where.ip, "user_agent": where.user_agent}
    session.execute(update(UserSession).where(UserSession.id == family.id).values(values))
    return Opened(family.id, _next_token(session, family.id), family.user_id, family.role)


def _family(token_hash: str) -> Select[UUID, UUID, datetime | None, bool, str]:
    """The session of a token, locked: its tokens take turns."""
    is_over = UserSession.expires_at <= func.now()
    columns = (UserSession.id, UserSession.user_id, UserSession.revoked_at, is_over.label("is_over"), User.role)
    joined = select(*columns).join(RefreshToken).join(User, User.id == UserSession.user_id)
    return joined.where(RefreshToken.token_hash == token_hash, *ALIVE).with_for_update(of=UserSession)


def _token(token_hash: str, settings: Settings) -> Select[timedelta | None, bool]:
    """How long ago the token was used, by the wall's clock and not the transaction's; and whether it is too old."""
    since: ColumnElement[timedelta | None] = (func.clock_timestamp() - RefreshToken.used_at).label("since")
    oldest = func.now() - timedelta(seconds=settings.refresh_token_seconds)
    return select(since, (RefreshToken.created_at <= oldest).label("is_old")).where(
        RefreshToken.token_hash == token_hash
    )


def _reused(session: Session, family: Row[UUID, UUID, datetime | None, bool, str], where: Client) -> AppError:
    revoke(session, family.user_id, family.id)
    activity.note(session, family.user_id, Kind.TOKENS_REUSED, where, session_id=str(family.id))
    return AppError(
        "token_reused", "This refresh token was used before: the session has been ended. Sign in again.", 401
    )


def _next_token(session: Session, session_id: UUID) -> str:
    token, token_hash = tokens.new_token()
    session.add(RefreshToken(session_id=session_id, token_hash=token_hash))
    return token


def _on() -> tuple[ColumnElement[bool], ...]:
    return UserSession.revoked_at.is_(None), UserSession.expires_at > func.now()


def _end(user_id: UUID) -> Update:
    return update(UserSession).where(UserSession.user_id == user_id, *_on()).values(revoked_at=func.now())


def _ended(session: Session, statement: Update) -> int:
    return len(session.execute(statement.returning(UserSession.id)).all())
