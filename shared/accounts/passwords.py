"""Passwords: Argon2id hashes, and the same work whether there is an account or not."""

import base64
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from shared.errors import AppError

SHORTEST, LONGEST = 10, 1024
# Each hash takes 64 MiB: this many at a time, and the wait for a turn (seconds): short, for it holds up a thread that
# others need.
AT_ONCE = 4
LONGEST_WAIT = 1.0

_hasher = PasswordHasher()  # RFC 9106, second recommended option: 64 MiB, 3 passes
_turns = threading.BoundedSemaphore(AT_ONCE)
_mine = threading.local()


def hash_password(password: str) -> str:
    """The hash to store. Raises AppError `weak_password` (422) unless it has 10 to 1024 characters."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise AppError("weak_password", f"The password must have {SHORTEST} to {LONGEST} characters.", 422)
    with _Turn():
        return _hasher.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether `password` is the one behind `stored`; without an account (None) the same work, and False."""
    with _Turn():
        try:
            return _hasher.verify(stored or nobody(), password) and stored is not None
        except (VerifyMismatchError, InvalidHashError):
            return False


@contextmanager
def turn() -> Iterator[None]:
    """A turn for all that this thread hashes inside: who is let in here is not sent away later.

    Raises AppError `busy` (503) when none comes in time.
    """
    with _Turn():
        before, _mine.is_held = _is_mine(), True
        try:
            yield
        finally:
            _mine.is_held = before


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def nobody() -> str:
    """A well-formed hash of today's parameters that no password has; costs nothing to make."""
    salt, digest = (_base64(secrets.token_bytes(size)) for size in (_hasher.salt_len, _hasher.hash_len))
    cost = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


class _Turn:
    """A turn at hashing, unless the thread has one. Raises AppError `busy` (503) when none comes in time."""

    def __enter__(self) -> None:
        if not _is_mine() and not _turns.acquire(timeout=LONGEST_WAIT):
            raise AppError("busy", "Too many people are signing in at once. Try again shortly.", 503, retry_after=5)

    def __exit__(self, *_: object) -> None:
        if not _is_mine():
            _turns.release()


def _is_mine() -> bool:
    return getattr(_mine, "is_held", False)
