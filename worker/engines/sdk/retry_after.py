"""The Retry-After header of an answer."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds(headers: Mapping[str, str] | None) -> float | None:
    """How long the provider wants us to wait; None where it doesn't say, or not so that it can be read."""
    said = next((value for name, value in (headers or {}).items() if name.lower() == "retry-after"), None)
    if said is None:
        return None
    if said.strip().isdigit():
        return float(said)
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
