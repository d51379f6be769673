"""Where what numba compiles of librosa is kept: made by one process, and seen by others only once it is whole.

Compiling takes 20 seconds and more. Numba keeps it by itself, but two processes that compile at once can leave the
halves of a function from either, and whoever loads those crashes, on that machine for ever (numba's issue 10128).
"""

import hashlib
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

ABANDONED = 3600.0  # seconds; nothing compiles for so long
_MAKING = "making-"


@contextmanager
def kept(home: Path | None = None) -> Iterator[None]:
    """Import and use here, once, all of librosa that is ever used: what it compiles is there for later processes.

    A process that finds nothing whole compiles for itself; the first to end well gives its own to all. `home` is the
    folder that holds it, of the virtual environment or else of the user. Raises OSError where none can be written.
    """
    home = home or _home()
    whole = home / _fingerprint()
    if whole.is_dir():
        _use(whole)
        yield
        return
    making = Path(tempfile.mkdtemp(prefix=_MAKING, dir=home))
    _use(making)
    yield
    _give(making, whole)
    _use(whole)


def _use(folder: Path) -> None:
    """Each function reads it when it is decorated, as librosa's are when they are imported."""
    from numba import config

    config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]


def _give(making: Path, whole: Path) -> None:
    """A folder that holds something is never replaced by a rename: the second to end drops its own."""
    try:
        making.rename(whole)
    except OSError:
        shutil.rmtree(making, ignore_errors=True)
    for other in whole.parent.glob(f"{_MAKING}*"):
        if _age(other) > ABANDONED:  # its process was killed
            shutil.rmtree(other, ignore_errors=True)


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _home() -> Path:
    """Of the virtual environment where this user may write to it, else of the user."""
    for home in (Path(sys.prefix) / "compiled", Path.home() / ".cache/onevoice/compiled"):
        with suppress(OSError):
            home.mkdir(parents=True, exist_ok=True)
            if os.access(home, os.W_OK):
                return home
    raise PermissionError(f"Neither {sys.prefix} nor {Path.home()} can be written to, to compile librosa there.")


def _fingerprint() -> str:
    """Changes with all that numba compiles for: what is kept for another is compiled again, next to it."""
    parts = [sys.version, platform.machine(), *(version(name) for name in ("librosa", "numba", "llvmlite", "numpy"))]
    return hashlib.sha256("\0".join([*parts, *_processor()]).encode()).hexdigest()[:16]


def _processor() -> list[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:  # not Linux
        return [platform.processor()]
    return sorted({line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))})
