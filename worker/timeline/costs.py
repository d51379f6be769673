"""What a plan is charged for. The weights are tuned by `python -m bench.planner --sweep`."""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple


class Band(NamedTuple):
    """What a unit of a deviation costs, as far as it lies below `until` and above the band before; rising."""

    until: float
    cost: float


@dataclass(frozen=True, slots=True)
class Costs:
    """All for one line.

    `shift`: a second from the onset, late or early. Nobody sees 60 ms; the cheap band is narrower, for it
    is used up wherever it helps, and a voice's onset is known no better than that. From 300 ms on lips and voice part.
    `speed`: the bands are speeds, the cost is a unit of ratio (placed ÷ natural). 1.05 is not heard, 1.25 is a hurry;
    above the ordinary limit no drift is as dear, so that nothing but the file's end is met by it.
    `jump`: a unit of ratio between neighbours of one speaker less than `jump_within` seconds apart.
    `fill`: what a unit of ratio brings that slows a line down to `filled` of its length in the source, for a mouth that
    goes on moving over silence is seen. No more than the first band of `speed`, or the cost would not be convex.
    """

    shift: tuple[Band, ...] = (Band(0.05, 0.05), Band(0.30, 0.7), Band(inf, 6.0))
    speed: tuple[Band, ...] = (Band(1.05, 0.12), Band(1.25, 0.4), Band(1.40, 8.0), Band(inf, 10_000.0))
    jump: float = 0.2
    jump_within: float = 1.0
    fill: float = 0.1
    filled: float = 0.9


COSTS = Costs()
