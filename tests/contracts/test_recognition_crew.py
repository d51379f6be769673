"""Child processes that share out work: failures are named, and none outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest

from shared.errors import PermanentError, TransientError
from worker.crew import Crew, shared_out
from worker.engines.protocols import Samples


class Worker:
    """Does what its work says."""

    def __call__(self, work: str) -> str:
        if work == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if work == "refuse":
            raise PermanentError("refused", "No.")
        if work == "bug":
            raise ZeroDivisionError("a bug")
        return work.upper()


def test_all_work_is_done() -> None:
    assert sorted(shared_out(Worker, ["a", "b", "c", "d", "e"], 2)) == ["A", "B", "C", "D", "E"]


def test_what_was_given_first_is_waited_for_where_that_is_wished() -> None:
    """So that no more is done early than whoever wants it in order can keep."""
    early: set[int] = set()
    turn = most = 0
    work = ["x" * (1_000_000 if number % 5 == 0 else 1) + f",{number}" for number in range(60)]
    for done in shared_out(Worker, work, 2, lambda: len(early) >= 2):
        early.add(int(done.split(",")[1]))
        most = max(most, len(early))
        while turn in early:
            early.remove(turn)
            turn += 1
    assert turn == 60
    assert most <= 2 + 1


def test_a_native_crash_is_transient() -> None:
    with pytest.raises(TransientError) as crashed:
        list(shared_out(Worker, ["a", "crash"], 1))
    assert crashed.value.code == "engine_crashed"


def test_an_engines_own_failure_comes_through() -> None:
    with pytest.raises(PermanentError) as refused:
        list(shared_out(Worker, ["refuse"], 1))
    assert (refused.value.code, refused.value.message) == ("refused", "No.")


def test_a_bug_is_named() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError: a bug"):
        list(shared_out(Worker, ["bug"], 1))


KILLED = """
import time
from tests.contracts.test_recognition_crew import Worker
from worker.crew import Crew, shared_out
from worker.engines.protocols import Samples
if __name__ == "__main__":
    answers = shared_out(Worker, iter("abc"), 2)
    print(next(answers), flush=True)
    time.sleep(60)
"""


def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env=environment)
    assert parent.stdout is not None
    parent.stdout.readline()
    children = psutil.Process(parent.pid).children(recursive=True)
    assert len(children) >= 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 2
    while any(map(lives, children)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [child for child in children if lives(child)]


def lives(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie that nobody reaps does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Sleeper:
    """Says which process it runs in, and which one it was made in."""

    def __init__(self) -> None:
        self.made_in = os.getpid()

    def __call__(self, seconds: float) -> tuple[int, int]:
        time.sleep(seconds)
        return os.getpid(), self.made_in


def test_what_the_children_work_with_is_made_once() -> None:
    ran_in, made_in = zip(*shared_out(Sleeper, [0.2, 0.2, 0.2, 0.2], 2), strict=True)
    assert len(set(ran_in)) == 2
    assert len({*made_in}) == 1
    assert not {*made_in} & {*ran_in, os.getpid()}


def test_closing_ends_all_at_once_though_they_work() -> None:
    others = psutil.Process().children(recursive=True)
    answers = shared_out(Sleeper, [0.0, 60.0, 60.0], 2)
    next(answers)
    children = [child for child in psutil.Process().children(recursive=True) if child not in others]
    assert len(children) == 3
    started = time.monotonic()
    answers.close()  # type: ignore[attr-defined]
    psutil.wait_procs(children, timeout=2)
    assert not [child for child in children if lives(child)]
    assert time.monotonic() - started < 2


def doubled(sound: Samples) -> Samples:
    return 2 * sound


def doubler() -> Callable[[Samples], Samples]:
    return doubled


def test_arrays_of_any_form_come_through_and_can_be_written_to() -> None:
    whole = np.arange(12, dtype=np.float32).reshape(6, 2)
    forms = [whole, whole[::-2], np.asfortranarray(whole), whole[:0], np.broadcast_to(whole[0], (3, 2))]
    for sound, found in zip(forms, shared_out(doubler, forms, 1), strict=True):
        assert (found.dtype, found.shape) == (sound.dtype, sound.shape)
        assert np.array_equal(found, 2 * sound)
        assert found.flags.writeable


def test_a_crew_that_was_left_before_the_end_takes_no_late_answers_for_others() -> None:
    with closing(Crew[str, str](Worker, 2)) as crew:
        assert list(crew.share_out(["a"])) == ["A"]
        left = crew.share_out(["b", "c", "d"])
        next(left)
        left.close()  # type: ignore[attr-defined]
        with pytest.raises(AssertionError, match="under way"):
            list(crew.share_out(["e"]))


def test_no_work_starts_nothing() -> None:
    assert list(shared_out(Worker, [], 2)) == []


class Broken:
    """Cannot be made."""

    def __init__(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    def __call__(self, work: str) -> str:
        return work


def test_a_crash_while_loading_is_transient() -> None:
    with pytest.raises(TransientError) as crashed:
        list(shared_out(Broken, ["a", "b"], 2))
    assert crashed.value.code == "engine_crashed"
