"""Users: made, found, and known by their password."""

import hashlib
import unicodedata
from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.accounts import passwords
from shared.errors import AppError
from shared.models import User

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
    """The address as it is kept: with the case it was given in, and all else in one normal form.

    Raises AppError `invalid_email` (422), also for what our mail service can't send to: letters other than ASCII
    before the @.
    """
    plain = unicodedata.normalize("NFKC", email)  # full-width letters, as keyboards for Chinese and Japanese give them
    try:
        # .test (RFC 2606) is let through: the local stack and the tests live there.
        checked = validate_email(plain, check_deliverability=False, test_environment=True, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise AppError("invalid_email", f"This is not an e-mail address: {error}", 422) from None
    return checked.normalized


def normal_email(email: str) -> str:
    """The one form by which an address is found and counted, whatever its case, width and script.

    What can't be an address gets a name of its own that is none, so that the same is done with it as with any other.
    """
    try:
        return checked_email(email).lower()
    except AppError:
        return f"not an address: {hashlib.sha256(email.encode(errors='surrogatepass')).hexdigest()}"


def by_email(session: Session, email: str) -> User | None:
    """The user with this address, in whatever form it is given."""
    return session.scalar(select(User).where(func.lower(User.email) == normal_email(email)))


def active(session: Session, user_id: UUID) -> User | None:
    """The user, unless there is none or it is disabled or deleted."""
    return session.scalar(select(User).where(User.id == user_id, User.disabled_at.is_(None), User.deleted_at.is_(None)))


def authenticate(transaction: Transaction, email: str, password: str) -> User:
    """Who this is, with the hash that the password was checked against.

    The same refusal and the same work for an unknown address, a wrong password, a disabled account. Hashing takes long,
    so no transaction is open meanwhile. Raises AppError `wrong_credentials` (401).
    """
    with transaction() as session:
        user = by_email(session, email)
    known = user is not None and user.disabled_at is None and user.deleted_at is None
    right = passwords.verify(user.password_hash if user else None, password)
    if user is None or not (known and right):
        raise AppError("wrong_credentials", "The e-mail address or the password is wrong.", 401)
    if passwords.is_outdated(user.password_hash) and not _rehash(transaction, user, password):
        return authenticate(
            transaction, email, password
        )  # another request was faster: with its hash, or a new password
    return user


def _rehash(transaction: Transaction, user: User, password: str) -> bool:
    """Keep the password by today's parameters, unless it has been changed meanwhile; whether that was done."""
    fresh = passwords.hash_password(password)
    with transaction() as session:
        same = (User.id == user.id, User.password_hash == user.password_hash)
        changed = update(User).where(*same).values(password_hash=fresh).returning(User.id)
        if session.scalar(changed) is None:
            return False
    user.password_hash = fresh
    return True
