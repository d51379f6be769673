"""Who a credential belongs to. Asked with every request: one query each, put together once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from shared.accounts import tokens
from shared.errors import AppError
from shared.models import ApiKey, Role, User, UserSession
from shared.prepared import Prepared

# How exactly an owner may know when a key was last used; finer would be a write with every request.
USE_NOTED_EVERY = timedelta(minutes=1)
ALIVE = (User.disabled_at.is_(None), User.deleted_at.is_(None))

_BY_SESSION = Prepared(
    select(User.role)
    .join(UserSession, UserSession.user_id == User.id)
    .where(User.id == bindparam("user_id"), UserSession.id == bindparam("session_id"))
    .where(UserSession.revoked_at.is_(None), UserSession.expires_at > func.now(), *ALIVE)
)
_IS_UNNOTED = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.now() - USE_NOTED_EVERY)
_BY_KEY = (
    select(ApiKey.id, ApiKey.user_id, ApiKey.scopes, User.role, _IS_UNNOTED.label("is_unnoted"))
    .join(User, User.id == ApiKey.user_id)
    .where(ApiKey.key_hash == bindparam("key_hash"), ApiKey.revoked_at.is_(None), *ALIVE)
)
_NOTE_USE = update(ApiKey).where(ApiKey.id == bindparam("key_id"), _IS_UNNOTED).values(last_used_at=func.now())
_STAYS = select(User.id).where(User.id == bindparam("user_id"), *ALIVE)
_HELD, _HELD_ALONE = Prepared(_STAYS.with_for_update(read=True)), Prepared(_STAYS.with_for_update(key_share=True))


@dataclass(frozen=True)
class Caller:
    """Who asks, and by what: a session or an API key, one of them. `scopes` are the key's."""

    user_id: UUID
    role: str
    session_id: UUID | None = None
    key_id: UUID | None = None
    scopes: Sequence[str] = ()

    @property
    def is_admin(self) -> bool:
        """Whether the user may do what operators do."""
        return self.role == Role.ADMIN


def by_session(connection: Connection, user_id: UUID, session_id: UUID) -> Caller | None:
    """The user in this session, unless it is over or not theirs, or the user is disabled or deleted."""
    found = _BY_SESSION.rows(connection, {"user_id": user_id, "session_id": session_id})
    return Caller(user_id, found[0][0], session_id=session_id) if found else None


def by_key(database: Session | Connection, key: str) -> Caller | None:
    """The user of this API key, whose use is noted; None for a key that is over, as for a session."""
    row = database.execute(_BY_KEY, {"key_hash": tokens.hashed(key)}).one_or_none()
    if row is None:
        return None
    if row.is_unnoted:
        database.execute(_NOTE_USE, {"key_id": row.id})
    return Caller(row.user_id, row.role, key_id=row.id, scopes=row.scopes)


def demand_alive(session: Session, user_id: UUID, *, alone: bool = False) -> None:
    """The account stays as it is until this transaction ends; `alone`: and whoever asks so too has to wait.

    For what is written in the account's name, for the guard looked some time ago. Raises AppError
    `not_authenticated` (401).
    """
    if not (_HELD_ALONE if alone else _HELD).rows(session.connection(), {"user_id": user_id}):
        raise AppError("not_authenticated", "This account is closed.", 401)
