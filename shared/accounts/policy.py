"""What a password must be: long enough, not the address, not one of the commonest. Nothing about its characters."""

from functools import cache
from importlib.resources import files

from shared.accounts.passwords import LONGEST, SHORTEST
from shared.errors import AppError


def check(password: str, email: str, *, field: str = "password") -> None:
    """Raises AppError `weak_password` (422) with an error for `field`."""
    fault = _fault(password, email)
    if fault:
        raise AppError("weak_password", fault, 422, details={"errors": [{"field": field, "message": fault}]})


def _fault(password: str, email: str) -> str | None:
    if not SHORTEST <= len(password) <= LONGEST:
        return f"The password must have {SHORTEST} to {LONGEST} characters."
    plain = password.casefold().strip()
    if plain in {email.casefold(), email.casefold().rpartition("@")[0]}:
        return "The password may not be your own address."
    if plain in commonest() or len(set(plain)) == 1:
        return "This is one of the passwords that are tried first. Choose another."
    return None


@cache
def commonest() -> frozenset[str]:
    """Passwords of ten characters and more that everybody tries first, in lower case."""
    text = (files("shared.accounts") / "common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(text.split())
