"""Compiles the pins from pyproject.toml (`make lock`): for Linux, Python 3.11 to 3.13, in one file with markers.

requirements.txt is what Elastic Beanstalk installs; tests/requirements.txt adds the local stack and the tests to it,
requirements-gpu.txt the engines that run models here.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local.processes import ROOT

UV = [sys.executable, "-m", "uv"]
EXPORT = ["export", "--quiet", "--frozen", "--no-hashes", "--no-annotate", "--no-header", "--no-emit-project"]
OUTPUTS = {
    "requirements.txt": [],
    "requirements-gpu.txt": ["--extra", "gpu"],
    "tests/requirements.txt": ["--extra", "local", "--extra", "dev"],
}


def pins(folder: Path, extras: list[str]) -> str:
    """The pins that the lock in `folder` comes to, a line each. Raises CalledProcessError."""
    text = subprocess.run([*UV, *EXPORT, *extras], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout
    return text.replace(" ; sys_platform == 'linux'", "").replace(" and sys_platform == 'linux'", "")


def main() -> int:
    """Compile the files; 1 when uv fails."""
    try:
        # uv's own lock file names registries, so it is made elsewhere and not kept.
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(ROOT / "pyproject.toml", folder)
            subprocess.run([*UV, "lock", "--quiet"], cwd=folder, check=True)
            for name, extras in OUTPUTS.items():
                (ROOT / name).write_text(pins(Path(folder), extras), encoding="utf-8")
    except subprocess.CalledProcessError:
        print("The pins could not be compiled; uv says why above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
