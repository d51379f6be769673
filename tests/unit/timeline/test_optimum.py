"""The planner against the same problem written down independently, for another algorithm of the solver."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.gauge.optimum import charged, optimum
from bench.material.lines import lines_of
from worker.timeline import Limits, Line, plan
from worker.timeline.caps import caps
from worker.timeline.costs import COSTS
from worker.timeline.order import neighbours, waits
from worker.timeline.programme import cheapest, pieces


def of(lines, limits):
    return {p.id: (p.start, p.seconds / lines[p.id].natural) for p in plan(lines, limits).placements}


def solved(lines, limits):
    course = cheapest(lines, caps(lines, limits), limits, COSTS)
    return {line.id: (start, ratio) for line, start, ratio in zip(lines, *course, strict=True)}


@pytest.mark.parametrize("tier", ["fits", "overfull"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_standard_lines_cost_what_the_best_plan_costs(tier, seed):
    lines, limits = lines_of(tier, seed)
    best = optimum(lines, limits)
    assert charged(lines, of(lines, limits)) <= 1.01 * best
    assert charged(lines, solved(lines, limits)) == pytest.approx(best, rel=1e-6, abs=1e-6)


@st.composite
def talks(draw):
    """Two speakers who talk over each other now and then, and more or less than fits."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 20))
    starts = np.cumsum(rng.exponential(draw(st.sampled_from([1.0, 2.5, 4.0])), count))
    ends = starts + rng.uniform(0.2, 4.0, count)
    natural = (ends - starts) * rng.uniform(0.4, draw(st.sampled_from([1.0, 1.5, 2.5])), count)
    who = rng.choice(["S1", "S2"], count)
    rows = enumerate(zip(starts, ends, who, natural, strict=True))
    lines = [Line(k, round(s, 4), round(e, 4), str(w), round(n, 4)) for k, (s, e, w, n) in rows]
    return lines, Limits(float(ends.max() + natural.sum()))


@settings(max_examples=60, deadline=None)
@given(talks())
def test_any_talk_costs_what_the_best_plan_costs(talk):
    lines, limits = talk
    assert charged(lines, solved(lines, limits)) == pytest.approx(optimum(lines, limits), rel=1e-4, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(talks())
def test_the_pieces_optima_are_the_wholes(talk):
    lines, limits = talk
    cut = [piece.last for piece in pieces(lines, limits, COSTS, enough=1)]
    assert cut[-1] == len(lines)
    whole = charged(lines, solved(lines, limits))
    apart = 0.0
    for first, last, end in pieces(lines, limits, COSTS, enough=1):
        apart += optimum(lines[first:last], Limits(end + 0.001))
    assert whole == pytest.approx(apart, rel=1e-4, abs=1e-4)


def test_a_long_file_is_cut_and_every_wait_is_kept():
    lines, limits = lines_of("fits", 1, minutes=120)
    assert len(list(pieces(lines, limits, COSTS))) > 3
    placed = plan(lines, limits).placements
    assert all(placed[b].start >= placed[a].end + gap - 1e-9 for a, b, gap, _ in waits(lines, limits) if gap)


def test_neighbours_are_a_speakers_own():
    lines = [Line(0, 0, 1, "A", 1), Line(1, 1, 2, "B", 1), Line(2, 1.5, 3, "A", 1), Line(3, 5, 6, "A", 1)]
    assert list(neighbours(lines, 1.0)) == [(0, 2)]


def test_starting_a_job_does_not_load_the_solver():
    asked = "import sys, worker.run; print('scipy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
