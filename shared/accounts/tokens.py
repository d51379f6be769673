"""Tokens to hand out: random, and kept only as their hash.

32 random bytes can't be guessed, so that one round of SHA-256 is enough to keep them by.
"""

import hashlib
import secrets

RANDOM_BYTES = 32


def new_token() -> tuple[str, str]:
    """A token to hand out, and its hash to store."""
    token = secrets.token_urlsafe(RANDOM_BYTES)
    return token, hashed(token)


def hashed(token: str) -> str:
    """What is stored of `token`: SHA-256, as hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()
