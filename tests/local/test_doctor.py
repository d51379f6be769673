import subprocess
import sys
from pathlib import Path

import pytest

from local import doctor, install
from local.machine import GIB, disk_free_bytes, memory_available_bytes


@pytest.mark.parametrize(("version", "fits"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)])
def test_the_pythons_it_takes(version: tuple[int, int], fits: bool) -> None:
    found = doctor.Findings()
    doctor._python(found, version)
    assert (not found.problems) is fits


def test_too_little_room_is_said_with_figures() -> None:
    found = doctor.Findings()
    doctor._room(found, GIB, GIB // 2)
    assert found.problems == [
        "3 GiB of free disk are needed, there are 1.0.",
        "2 GiB of free memory are needed, there are 0.5.",
    ]
    assert found.line == ""


def test_missing_packages_become_one_line_only_where_it_may_not_install_them() -> None:
    found = doctor.Findings(packages=["python3-venv"])
    doctor._system(found, ["apertium", "flite"], may_install=True)
    assert not found.problems
    doctor._system(found, ["apertium", "flite"], may_install=False)
    assert found.line == "sudo apt-get update && sudo apt-get install -y python3-venv apertium flite"


def test_it_runs_without_packages_or_environment() -> None:
    arguments = [sys.executable, "-S", "-E", "-m", "local.doctor"]
    done = subprocess.run(arguments, cwd=doctor.ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1)


def test_figures_of_this_machine_are_plausible(tmp_path: Path) -> None:
    assert 0 < memory_available_bytes() < 2**50
    assert disk_free_bytes(tmp_path) > 0


def test_a_changed_pin_is_installed_again(tmp_path: Path) -> None:
    pins = (tmp_path / "a", tmp_path / "b")
    for path in pins:
        path.write_text("x==1\n")
    before = install.fingerprint(pins)
    assert install.fingerprint(pins) == before
    pins[1].write_text("x==2\n")
    assert install.fingerprint(pins) != before
