"""What the planner is given and what it answers: plain values, seconds."""

from dataclasses import dataclass
from typing import Literal

GUARD = 0.05
MAX_SPEED = 1.40
EMERGENCY_SPEED = 2.0
SLOWEST_SPEED = 0.85
LEAD = 0.5
DRIFT_TO_REVIEW = 0.3
# A speed closer to 1 than this is not asked for: the stretcher leaves what is within half a per cent of 1 as it is.
SLIGHTEST_SPEED = 1.01

Reason = Literal["late", "early", "fast", "onset_after_end"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line to place: its times and speaker in the source.

    `natural` is how long its synthesised speech is, trimmed, at the voice's own rate.
    """

    id: int
    start: float
    end: float
    speaker: str
    natural: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a plan must keep to.

    `duration` is the file's; `guard` the least silence between two lines; `lead` how far a line may begin before its
    onset; speeds are relative to the voice's own rate, and `emergency_speed` is for meeting the file's end alone.
    """

    duration: float
    guard: float = GUARD
    max_speed: float = MAX_SPEED
    emergency_speed: float = EMERGENCY_SPEED
    lead: float = LEAD
    slowest_speed: float = SLOWEST_SPEED


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a line is laid. `seconds` is its length at `speed`; `late` is start − onset, below 0 when it leads.

    `reasons` says why a person should look at it: `late` or `early` by more than 0.3 s, `fast` (over the ordinary
    limit), `onset_after_end` (the source line begins after the file's end). Empty for a line that is well.
    """

    id: int
    start: float
    speed: float
    seconds: float
    late: float
    reasons: tuple[Reason, ...] = ()

    @property
    def end(self) -> float:
        """Where it ends, in seconds from the start of the file."""
        return self.start + self.seconds

    @property
    def needs_review(self) -> bool:
        """Whether a person should look at it."""
        return bool(self.reasons)


@dataclass(frozen=True, slots=True)
class Plan:
    """All lines with speech in order of start, and the ids of the `silent` ones (nothing to say, so not placed)."""

    placements: tuple[Placement, ...]
    silent: tuple[int, ...] = ()
