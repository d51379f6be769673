"""Users: made, found, and known by their password."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.accounts import passwords
from shared.errors import AppError
from shared.models import User

# Asked with every request, so it is put together once.
_ACTIVE = select(User.id).where(User.id == bindparam("user_id"), User.disabled_at.is_(None))

Transaction = Callable[[], AbstractContextManager[Session]]


def create(session: Session, email: str, password_hash: str) -> User:
    """A new user. Raises AppError `invalid_email` (422), `email_taken` (409)."""
    user = User(email=checked_email(email), password_hash=password_hash)
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError:
        raise AppError("email_taken", "There is an account with this address already.", 409) from None
    return user


def checked_email(email: str) -> str:
    """The address in its normal form. Raises AppError `invalid_email` (422)."""
    try:
        # .test (RFC 2606) is let through: the local stack and the tests live there.
        checked = validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise AppError("invalid_email", f"This is not an e-mail address: {error}", 422) from None
    return checked.normalized


def by_email(session: Session, email: str) -> User | None:
    """The user with this address, whatever its case."""
    return session.scalar(select(User).where(func.lower(User.email) == func.lower(email)))


def is_active(connection: Connection, user_id: UUID) -> bool:
    """Whether there is such a user and it is not disabled."""
    return connection.scalar(_ACTIVE, {"user_id": user_id}) is not None


def authenticate(transaction: Transaction, email: str, password: str) -> UUID:
    """Who this is. The same refusal and the same work for an unknown address, a wrong password, a disabled account.

    Hashing takes long, so no transaction is open meanwhile. Raises AppError `wrong_credentials` (401).
    """
    with transaction() as session:
        user = by_email(session, email)
    known = user is not None and user.disabled_at is None
    right = passwords.verify(user.password_hash if user else None, password)
    if user is None or not (known and right):
        raise AppError("wrong_credentials", "The e-mail address or the password is wrong.", 401)
    if passwords.is_outdated(user.password_hash):
        _rehash(transaction, user, password)
    return user.id


def _rehash(transaction: Transaction, user: User, password: str) -> None:
    fresh = passwords.hash_password(password)
    with transaction() as session:
        same = (User.id == user.id, User.password_hash == user.password_hash)
        session.execute(update(User).where(*same).values(password_hash=fresh))
