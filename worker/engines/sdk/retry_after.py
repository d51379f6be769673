"""The Retry-After header of an answer."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

# Whole seconds by the standard; some providers say fractions of one.
_NUMBER = re.compile(r"\s*[0-9]+(\.[0-9]*)?\s*")


def seconds(headers: Mapping[str, str] | None) -> float | None:
    """How long the provider wants us to wait; None where it doesn't say, or not so that it can be read."""
    said = next((value for name, value in (headers or {}).items() if name.lower() == "retry-after"), None)
    if said is None:
        return None
    try:
        wait = float(said) if _NUMBER.fullmatch(said) else _until(parsedate_to_datetime(said))
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, wait) if isfinite(wait) else None


def _until(then: datetime) -> float:
    return (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
