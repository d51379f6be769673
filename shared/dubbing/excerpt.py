"""A stretch of a video that is dubbed instead of the whole: a cheap look before the rest. Pure."""

from dataclasses import asdict, dataclass
from typing import Any

from shared.errors import AppError

# Shorter ones hold no sentence.
SHORTEST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Range:
    """From `start` to `end`, in seconds of the original."""

    start: float
    end: float

    def to_dict(self) -> dict[str, Any]:
        """The stored form."""
        return asdict(self)


def check(wanted: Range, duration_seconds: float | None) -> Range:
    """The part of `wanted` that the video has. Raises AppError `invalid_range` (422)."""
    if wanted.end - wanted.start < SHORTEST_SECONDS:
        raise AppError("invalid_range", f"A range ends at least {SHORTEST_SECONDS:g} second after its start.", 422)
    if duration_seconds is None:
        return wanted
    if wanted.start > duration_seconds - SHORTEST_SECONDS:
        raise AppError(
            "invalid_range",
            f"The range starts at {wanted.start:g} seconds, but the video ends at {duration_seconds:.1f}.",
            422,
        )
    return Range(wanted.start, min(wanted.end, duration_seconds))
