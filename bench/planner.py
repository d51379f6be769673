"""How good the planner's timelines are, and how long they take.

The standard lines of both tiers: drift, speed and smoothness, and what the plan is charged against the optimum of the
same problem, found by another formulation and another algorithm. `fits` meets every goal at once; `overfull` cannot,
and the last column says how many lines the fixture's optimum leaves more than 350 ms from their onset. `--sweep` halves
and doubles each weight of the cost. Nothing is asserted.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace

from bench.gauge.optimum import charged, optimum
from bench.gauge.table import setting, table
from bench.material.lines import Tier, lines_of
from worker.measures import Measures, measure
from worker.timeline import Limits, Line, Plan, plan
from worker.timeline.costs import COSTS, Band, Costs

TIERS: tuple[Tier, ...] = ("fits", "overfull")
FAR = 0.35
MANY = 5000
# Lines more than 350 ms from their onset in the fixture's own optimum, by seed.
FIXTURE_OPTIMUM = {"fits": {1: 0, 2: 0, 3: 0}, "overfull": {1: 27, 2: 39, 3: 46}}
HEAD = ("lines", "drift", "p95", "max", "speed p95", "max", "> 1.2", "jump p95", "filled ±20 %", "overlap", "lost")
COMPARED = ("charged", "÷ optimum", "ms", "> 350 ms", "of the fixture's optimum")
PACKAGES = ("numpy", "scipy")


def far(planned: Plan) -> int:
    """How many lines are more than 350 ms from their onset."""
    return sum(abs(placement.late) > FAR + 1e-6 for placement in planned.placements)


def row(tier: Tier, seed: int) -> tuple[str, ...]:
    """The standard lines of one tier and seed, planned and measured."""
    lines, limits = lines_of(tier, seed)
    planned, seconds = _timed(lines, limits)
    best, cost = optimum(lines, limits), _charged(lines, planned)
    left = FIXTURE_OPTIMUM[tier].get(seed)
    compared = (f"{cost:.2f}", f"{cost / best:.4f}", f"{seconds * 1000:.0f}", f"{far(planned)}")
    return (f"{tier} {seed}", *_measured(measure(lines, planned)), *compared, "-" if left is None else f"{left}")


def many(tier: Tier, count: int) -> tuple[str, ...]:
    """A very long file."""
    lines, limits = lines_of(tier, 1, minutes=count / 16.8)
    planned, seconds = _timed(lines, limits)
    return (f"{tier}, {len(lines)} lines", f"{seconds:.2f}", f"{far(planned)}")


def sweep(seeds: list[int]) -> Iterator[tuple[str, ...]]:
    """Each weight halved and doubled: the worst of the seeds in each tier."""
    for name, costs in (("as they are", COSTS), *_other_costs()):
        cells = [name]
        for tier in TIERS:
            material = [lines_of(tier, seed) for seed in seeds]
            plans = [plan(lines, limits, costs) for lines, limits in material]
            found = [measure(lines, planned) for (lines, _), planned in zip(material, plans, strict=True)]
            cells += [
                f"{max(m.onset_drift.p95 for m in found if m.onset_drift):.3f}",
                f"{max(map(far, plans))}",
                f"{max(m.speed.p95 for m in found if m.speed):.3f}",
                f"{max(m.speed_jump.p95 for m in found if m.speed_jump):.3f}",
                f"{min(m.share_within_20_percent or 0.0 for m in found):.2f}",
            ]
        yield (*cells, "")


def _other_costs() -> Iterator[tuple[str, Costs]]:
    for factor in (0.5, 2.0):
        yield f"jump × {factor:g}", replace(COSTS, jump=factor * COSTS.jump)
        yield f"fill × {factor:g}", replace(COSTS, fill=factor * COSTS.fill)
        for name in ("shift", "speed"):
            bands: tuple[Band, ...] = getattr(COSTS, name)
            for place, band in enumerate(bands[:3]):
                changed = (*bands[:place], band._replace(cost=factor * band.cost), *bands[place + 1 :])
                costs = replace(COSTS, shift=changed) if name == "shift" else replace(COSTS, speed=changed)
                yield f"{name} to {band.until:g} × {factor:g}", costs


def _timed(lines: list[Line], limits: Limits) -> tuple[Plan, float]:
    """The plan, and the processor seconds of the second time, when the solver is in memory."""
    plan(lines[:2], limits)
    began = time.process_time()
    return plan(lines, limits), time.process_time() - began


def _charged(lines: list[Line], planned: Plan) -> float:
    by_id = {line.id: line for line in lines}
    return charged(lines, {p.id: (p.start, p.seconds / by_id[p.id].natural) for p in planned.placements})


def _measured(found: Measures) -> tuple[str, ...]:
    assert found.onset_drift
    assert found.speed
    assert found.speed_jump
    drift, speed = found.onset_drift, found.speed
    overlap = found.overlap_within_speaker + found.overlap_between_speakers
    return (
        *(f"{seconds * 1000:.0f} ms" for seconds in (drift.median, drift.p95, drift.max)),
        f"{speed.p95:.3f}",
        f"{speed.max:.3f}",
        f"{found.share_faster_than_1_2:.2f}",
        f"{found.speed_jump.p95:.2f}",
        f"{found.share_within_20_percent:.2f}",
        f"{overlap:g}",
        f"{found.speech_lost:g}",
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.planner", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="default: 1 2 3")
    parser.add_argument("--lines", type=int, default=MANY, help="how many the long file has; default: %(default)s")
    parser.add_argument("--sweep", action="store_true", help="halve and double each weight, too")
    arguments = parser.parse_args()
    rows = [row(tier, seed) for tier in TIERS for seed in arguments.seeds]
    print(table("the standard lines, 10 minutes; tier and seed", (*HEAD, *COMPARED), rows))
    print(table("a long file", ("lines", "CPU s", "> 350 ms"), [many(tier, arguments.lines) for tier in TIERS]))
    if arguments.sweep:
        each = ("drift p95", "> 350 ms", "speed p95", "jump p95", "±20 %")
        head = ("weights", *each, *each, "")
        print(table("the worst of the seeds: fits, then overfull", head, list(sweep(arguments.seeds))))
    print(setting(arguments.seeds[0], PACKAGES))


if __name__ == "__main__":
    main()
