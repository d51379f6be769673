"""Whether this machine can run OneVoice, and the one line to run when something lacks.

Runs with the system's Python before anything is installed: `python3 -m local.doctor`.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.machine import GIB, disk_free_bytes, memory_available_bytes

ROOT = Path(__file__).resolve().parents[1]
PYTHON_FROM, PYTHON_BELOW = (3, 11), (3, 14)
DISK_BYTES = 3 * GIB
MEMORY_BYTES = 2 * GIB
MODES = Path("/usr/share/apertium/modes")
# What the offline engines need of the system: the package, and the program or file that shows it is there.
SYSTEM_PACKAGES = {
    "apertium": "apertium",
    "apertium-eng-spa": str(MODES / "eng-spa.mode"),
    "apertium-eng-cat": str(MODES / "eng-cat.mode"),
    "flite": "flite",
}
# What tests alone need: a browser, for the pages.
TEST_PACKAGES = {"chromium": "chromium"}


@dataclass
class Findings:
    """What is wrong, in sentences, and the apt packages that would put some of it right."""

    problems: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """The one line to run, or an empty string when no package would help."""
        names = " ".join(self.packages)
        return f"sudo apt-get update && sudo apt-get install -y {names}" if names else ""


def missing_packages(wanted: Mapping[str, str] = SYSTEM_PACKAGES) -> list[str]:
    """The system packages that are lacking here: by default of those that the offline engines need."""
    return [name for name, sign in wanted.items() if not (shutil.which(sign) or Path(sign).is_file())]


def apt_prefix() -> list[str] | None:
    """How to call apt-get without being asked anything: bare as root, else by sudo; None when neither works."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0  # noqa: S607
    ):
        return ["sudo", "-n"]
    return None


def examine(folder: Path = ROOT) -> Findings:
    """Everything that would stop the set-up, looked for at once."""
    found = Findings()
    _python(found, sys.version_info[:2])
    _room(found, disk_free_bytes(folder), memory_available_bytes())
    _system(found, missing_packages(), may_install=apt_prefix() is not None)
    return found


def _python(found: Findings, version: tuple[int, int]) -> None:
    if not PYTHON_FROM <= version < PYTHON_BELOW:
        have = ".".join(map(str, version))
        found.problems.append(
            f"Python 3.11, 3.12 or 3.13 is needed, this is {have}: name one by make PYTHON=python3.12."
        )
    elif not (importlib.util.find_spec("ensurepip") or (ROOT / ".venv/bin/python").exists()):
        found.problems.append("Python's venv module is not complete here.")
        found.packages.append("python3-venv")


def _room(found: Findings, disk: int, memory: int) -> None:
    if disk < DISK_BYTES:
        found.problems.append(f"{DISK_BYTES / GIB:.0f} GiB of free disk are needed, there are {disk / GIB:.1f}.")
    if memory < MEMORY_BYTES:
        found.problems.append(f"{MEMORY_BYTES / GIB:.0f} GiB of free memory are needed, there are {memory / GIB:.1f}.")


def _system(found: Findings, missing: list[str], *, may_install: bool) -> None:
    if not missing or may_install:
        return
    found.problems.append(f"The offline engines need {', '.join(missing)}, and this user may not run apt-get here.")
    found.packages.extend(missing)


def main() -> int:
    """Print what lacks and the line to run; 0 when nothing lacks."""
    found = examine()
    for problem in found.problems:
        print(problem, file=sys.stderr)
    if found.line:
        print(f"Run this, then try again:\n  {found.line}", file=sys.stderr)
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
