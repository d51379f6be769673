"""Who waits for whom: lines keep their order, and two voices sound together only as they do in the source."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from worker.timeline.lines import Limits, Line

# A line that is spoken within another's stays there when so much speed makes it as short as it is in the source.
WITHIN_SPEED = 1.25


class Wait(NamedTuple):
    """Line `after` begins no earlier than `gap` seconds after `before` ends: below 0 where they may overlap.

    With a `gap` of None it only begins no earlier than `before` does; `speed` is the least that this takes of `after`.
    """

    before: int
    after: int
    gap: float | None
    speed: float = 1.0


def waits(lines: Sequence[Line], limits: Limits) -> list[Wait]:
    """The waits among `lines` (sorted by onset), in the order of `after`; what follows from others is left out.

    Every line begins no earlier than the line ahead of it.
    """
    found = list[Wait]()
    sounding: list[int] = []
    for k in range(len(lines)):
        new = [_wait(lines, other, k, limits) for other in sounding]
        over = {wait.before for wait in new if wait.gap == limits.guard}
        if sounding and k - 1 not in over:
            new.append(Wait(k - 1, k, None))
        found += new
        sounding = [other for other in sounding if other not in over] + [k]
    return found


def neighbours(lines: Sequence[Line], within: float) -> Iterator[tuple[int, int]]:
    """Places of each line and the next of its speaker, where less than `within` seconds lie between them."""
    last: dict[str, int] = {}
    for k, line in enumerate(lines):
        before = last.get(line.speaker)
        if before is not None and line.start - lines[before].end < within:
            yield before, k
        last[line.speaker] = k


def _wait(lines: Sequence[Line], before: int, after: int, limits: Limits) -> Wait:
    line, following = lines[before], lines[after]
    shared = min(line.end, following.end) - following.start
    if line.speaker == following.speaker or shared <= 0:
        return Wait(before, after, limits.guard)
    speed = following.natural / shared
    if following.end <= line.end and speed <= min(WITHIN_SPEED, limits.max_speed):
        return Wait(before, after, None, max(1.0, speed))
    return Wait(before, after, -shared)
