"""The state machine is one table, and nothing else writes a status."""

import ast
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dubbing import state
from shared.dubbing.state import LIVE, OVER, MoveError, Status

ROOT = Path(__file__).parents[2]


def test_a_job_that_is_over_only_opens_another_round():
    for end, to in itertools.product(OVER, set(Status) - {Status.PENDING}):
        with pytest.raises(MoveError):
            state.move_job({end}, to)


def test_a_dub_that_is_ready_stays_so():
    for to in Status:
        with pytest.raises(MoveError):
            state.move_dub({Status.COMPLETED}, to)


@pytest.mark.parametrize("moves", [state.JOB_MOVES, state.DUB_MOVES])
def test_every_status_is_in_the_table_and_every_live_one_can_end(moves):
    assert set(moves) == set(Status)
    for status in LIVE:
        assert {Status.FAILED, Status.CANCELED} <= moves[status]


def test_only_a_worker_completes_a_job():
    with pytest.raises(MoveError):
        state.move_job({Status.PENDING}, Status.COMPLETED)


@given(st.lists(st.sampled_from(sorted(OVER)), min_size=1))
def test_a_job_completes_when_a_language_succeeded(dubs):
    assert state.outcome(dubs) is (Status.COMPLETED if Status.COMPLETED in dubs else Status.FAILED)


@given(st.lists(st.sampled_from(sorted(Status))))
def test_a_job_with_a_live_dub_or_none_has_no_outcome(dubs):
    if not dubs or set(dubs) & LIVE:
        with pytest.raises(MoveError):
            state.outcome(dubs)


def test_nothing_else_writes_a_status():
    """No `.status = …` on a job or dub, and no `values(status=…)`, outside state.py (a video's status is its own)."""
    offenders = []
    for path in [*ROOT.glob("shared/dubbing/*.py"), *ROOT.glob("worker/**/*.py"), *ROOT.glob("web/dubbing/*.py")]:
        if path.name == "state.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and any(
                isinstance(t, ast.Attribute) and t.attr == "status" for t in node.targets
            ):
                offenders.append(f"{path}:{node.lineno}")
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "values"
                and any(keyword.arg == "status" for keyword in node.keywords)
            ):
                offenders.append(f"{path}:{node.lineno}")
    assert offenders == []
