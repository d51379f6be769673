"""Sets up what `make demo`, `make up` and `make test` need: the virtual environment, the pins, the system packages.

Runs with the system's Python and does only what is not done yet: `python3 -m local.install`, for the tests with
`--tests`.
"""

import argparse
import hashlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local import doctor

VENV = doctor.ROOT / ".venv"
STAMP = VENV / "installed"
PINS = (doctor.ROOT / "requirements.txt", doctor.ROOT / "tests/requirements.txt")


def fingerprint(pins: tuple[Path, ...] = PINS) -> str:
    """Changes when the interpreter or any pin does."""
    return hashlib.sha256(b"\0".join([sys.version.encode(), *(path.read_bytes() for path in pins)])).hexdigest()


def packages(wanted: Mapping[str, str] = doctor.SYSTEM_PACKAGES) -> None:
    """Install those of `wanted` that are missing, all in one call. Raises CalledProcessError."""
    missing, prefix = doctor.missing_packages(wanted), doctor.apt_prefix()
    if not missing or prefix is None:
        return
    print(f"Installing {', '.join(missing)} …", flush=True)
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    subprocess.run([*apt, "update"], check=False, stdout=subprocess.DEVNULL)
    subprocess.run([*apt, "install", "-y", "--no-install-recommends", *missing], check=True, stdout=subprocess.DEVNULL)


def for_tests() -> None:
    """Install what some tests want besides. Not every system has it under that name; those tests are skipped there."""
    try:
        packages(doctor.TEST_PACKAGES)
    except subprocess.CalledProcessError:
        print(f"Not to be had here: {', '.join(doctor.TEST_PACKAGES)}. Some tests will be skipped.", file=sys.stderr)


def environment() -> None:
    """Make the virtual environment and install the pins, unless they are in it already. Raises CalledProcessError."""
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text(encoding="ascii") == wanted:
        return
    print("Installing the Python packages into .venv (about two minutes the first time) …", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(VENV / "bin/python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    subprocess.run([*pip, "--root-user-action=ignore", "-r", str(PINS[1])], check=True)
    print("Compiling what tells speakers apart (half a minute) …", flush=True)
    subprocess.run([str(VENV / "bin/python"), "-m", "worker.diarisation.listeners"], cwd=doctor.ROOT, check=True)
    STAMP.write_text(wanted, encoding="ascii")


def main() -> int:
    """Examine, then install; 1 and a sentence when that is not possible."""
    parser = argparse.ArgumentParser(prog="python -m local.install", description="Sets up what make needs.")
    parser.add_argument("--tests", action="store_true", help="what some tests want besides: a browser")
    if parser.parse_args().tests:
        for_tests()
        return 0
    if doctor.main():
        return 1
    try:
        packages()
        environment()
    except subprocess.CalledProcessError as error:
        print(f"This did not work (exit {error.returncode}): {' '.join(map(str, error.cmd))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
