"""What numba compiled is seen by others only when it is whole, whoever compiles at once and whoever is killed."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from numba import config

from tests.processes import until
from worker.diarisation import compiled
from worker.diarisation.compiled import ABANDONED, kept

ROOT = Path(__file__).parents[2]
HEARD = "from worker.diarisation.compiled import kept\nfrom pathlib import Path\nimport sys\n" + (
    "with kept(Path(sys.argv[1])):\n"
    "    from worker.diarisation.listening import listener\n"
    "    heard = listener()\n"
    "import numpy as np\n"
    "from worker.engines.protocols import Sound\n"
    "print(heard(Sound(np.sin(np.arange(32000, dtype=np.float32) * 2 * np.pi * 120 / 16000), 16000)).pitch)\n"
)


@pytest.fixture(autouse=True)
def numbas_own():
    """Numba is loaded once in this process, for the other tests too."""
    folder = config.CACHE_DIR
    yield
    config.CACHE_DIR = folder


def compile_into(home: Path, text: str) -> Path:
    with kept(home):
        folder = Path(config.CACHE_DIR)
        if not (folder / "function.nbc").exists():
            (folder / "function.nbc").write_text(text)
    return folder


def given_up(home: Path) -> Path:
    with suppress(RuntimeError), kept(home):
        raise RuntimeError
    return Path(config.CACHE_DIR)


def compiling(home: Path) -> list[Path]:
    """The folders into which something is compiled, but not all."""
    return [folder for folder in home.glob("making-*") if any(folder.rglob("*.nbc"))]


def test_it_is_given_to_others_at_the_end_and_compiled_once(tmp_path):
    with kept(tmp_path):
        making = Path(config.CACHE_DIR)
        (making / "function.nbc").write_text("first")
        assert [path.name for path in tmp_path.iterdir()] == [making.name]
    (whole,) = tmp_path.iterdir()
    assert Path(config.CACHE_DIR) == whole
    assert whole != making
    assert compile_into(tmp_path, "second") == whole
    assert (whole / "function.nbc").read_text() == "first"


def test_of_two_at_once_one_is_kept_whole(tmp_path):
    with kept(tmp_path):
        slower = Path(config.CACHE_DIR)
        (slower / "function.nbc").write_text("slower")
        assert compile_into(tmp_path, "quicker") != slower
    (whole,) = tmp_path.iterdir()
    assert (whole / "function.nbc").read_text() == "quicker"
    assert Path(config.CACHE_DIR) == whole


def test_what_fails_gives_nothing_and_is_swept_when_it_is_old(tmp_path):
    left = [given_up(tmp_path) for _ in range(2)]
    old = time.time() - ABANDONED - 1
    os.utime(left[0], (old, old))
    compile_into(tmp_path, "whole")
    assert [folder.exists() for folder in left] == [False, True]


def test_the_installer_left_it_compiled():
    """Or each job, and each test of one, would compile for half a minute."""
    assert (compiled._home() / compiled._fingerprint()).is_dir()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_processes_that_compile_at_once_and_are_killed_leave_what_works(tmp_path):
    command = [sys.executable, "-c", HEARD, str(tmp_path)]
    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    until(lambda: len(compiling(tmp_path)) == len(started), 300, "a half of each")
    for process in started[:2]:
        process.kill()
    for process in started[2:]:
        pitch, _ = process.communicate()
        assert process.returncode == 0
        assert float(pitch) == pytest.approx(120, abs=1)
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(again.stdout) == pytest.approx(120, abs=1)
