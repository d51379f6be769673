"""Several threads, one artifact: made once, fetched once."""

import threading
import time
from pathlib import Path

import pytest

from shared.db import transaction
from shared.dubbing import leases
from shared.dubbing.transcript_formats import MAX_LINES
from shared.models import Job
from shared.storage import Storage
from tests.factories import a_job
from worker.artifacts import Checkpoints, Recipe
from worker.threads import side_by_side

RECIPE = Recipe("mix", 1, ("x",), suffix=".bin")


@pytest.fixture
def job(engine, settings):
    job_id = a_job(engine)
    with transaction(engine) as session:
        held = leases.claim(session, job_id, settings)
        return held, session.get_one(Job, job_id).video_id


def checkpoints(engine, settings, job, scratch: Path, round_number: int = 1) -> Checkpoints:
    scratch.mkdir()
    return Checkpoints(engine, Storage(settings), job[0], job[1], scratch, round_number)


def test_it_is_made_once(engine, settings, job, tmp_path):
    shared, built = checkpoints(engine, settings, job, tmp_path / "a"), []

    def build(out: Path) -> None:
        built.append(out)
        time.sleep(0.1)
        out.write_bytes(b"sound")

    made = list(side_by_side(lambda _: shared.make(RECIPE, build), range(4), 4))
    assert len(built) == 1
    assert len({artifact.key for artifact in made}) == 1
    assert sorted(artifact.made for artifact in made) == [False, False, False, True]


def test_it_is_fetched_once_and_seen_only_whole(engine, settings, job, tmp_path):
    artifact = checkpoints(engine, settings, job, tmp_path / "a").make(
        RECIPE, lambda out: _write(out, b"x" * 5_000_000)
    )
    fresh, fetched = checkpoints(engine, settings, job, tmp_path / "b"), []
    paths = list(side_by_side(lambda _: fresh.path(artifact, fetched.append).stat().st_size, range(4), 4))
    assert paths == [5_000_000] * 4
    assert sum(fetched) == 5_000_000


def test_what_was_not_finished_is_not_taken_for_it(engine, settings, job, tmp_path):
    shared = checkpoints(engine, settings, job, tmp_path / "a")

    def broken(out: Path) -> None:
        out.write_bytes(b"half")
        raise ValueError("it broke")

    with pytest.raises(ValueError, match="it broke"):
        shared.make(RECIPE, broken)
    artifact = shared.make(RECIPE, lambda out: _write(out, b"whole"))
    assert shared.path(artifact).read_bytes() == b"whole"


def test_what_stands_in_serves_its_round_and_gives_way_to_the_right_thing(engine, settings, job, tmp_path):
    def stand_in(out: Path) -> dict[str, bool]:
        out.write_bytes(b"stand-in")
        return {"for_now": True}

    def never(_out: Path) -> None:
        raise AssertionError("it is there")

    checkpoints(engine, settings, job, tmp_path / "a").make(RECIPE, stand_in)
    again = checkpoints(engine, settings, job, tmp_path / "b")
    assert again.path(again.make(RECIPE, never)).read_bytes() == b"stand-in"
    later = checkpoints(engine, settings, job, tmp_path / "c", round_number=2)
    assert later.find([RECIPE]) == {}
    later.make(RECIPE, lambda out: _write(out, b"right"))
    for number, round_number in enumerate((1, 2)):
        anyone = checkpoints(engine, settings, job, tmp_path / f"d{number}", round_number)
        assert anyone.path(anyone.make(RECIPE, never)).read_bytes() == b"right"


def test_all_lines_of_the_longest_transcript_are_looked_up_at_once(engine, settings, job, tmp_path):
    """Each in its own words and in others; PostgreSQL takes 65,535 parameters at the most."""
    own = checkpoints(engine, settings, job, tmp_path / "a")
    own.make(RECIPE, lambda out: _write(out, b"sound"))
    many = (Recipe("synthesize.line", 1, (str(number),)) for number in range(2 * MAX_LINES))
    assert list(own.find([*many, RECIPE])) == [RECIPE.fingerprint]
    assert own.find([]) == {}


def test_side_by_side_keeps_the_order_and_stops_at_the_first_failure():
    begun, gate = [], threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number == 1:
            gate.set()
            raise ValueError("one")
        gate.wait(60)
        if number > 1:
            time.sleep(0.1)  # the failure is seen long before all of them have had their turn
        return number

    results = side_by_side(work, range(50), 2)
    assert next(results) == 0
    with pytest.raises(ValueError, match="one"):
        next(results)
    assert len(begun) < 50


def _write(out: Path, content: bytes) -> None:
    out.write_bytes(content)
