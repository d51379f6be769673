"""Run a program under limits: it dies with its parent, and may not take more than it was given.

`command()` wraps an argument list; this file, run as a script, sets the limits on itself and becomes the program.
The launcher runs isolated (`python -I -S`), so it imports nothing of the project and nothing from the environment.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38


@dataclass(frozen=True)
class Limits:
    """What a child may take: CPU seconds, bytes of address space, bytes of any one file, open files. None: as now."""

    cpu_seconds: int | None = None
    memory_bytes: int | None = None
    file_bytes: int | None = None
    open_files: int | None = None


_RESOURCES = {
    "cpu_seconds": resource.RLIMIT_CPU,
    "memory_bytes": resource.RLIMIT_AS,
    "file_bytes": resource.RLIMIT_FSIZE,
    "open_files": resource.RLIMIT_NOFILE,
}


def command(arguments: Sequence[str], limits: Limits) -> list[str]:
    """`arguments` wrapped so that they run under `limits` and die (SIGKILL) when this thread does."""
    values = [f"{name}={value}" for name in _RESOURCES if (value := getattr(limits, name)) is not None]
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *values, "--", *arguments]


def die_with_parent(parent: int) -> None:
    """Ask for SIGKILL when the thread that started this process ends; at once if `parent` is gone already."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def apply(limits: Limits) -> None:
    """Set `limits` on this process; never above what it already has. No core dumps."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, kind in _RESOURCES.items():
        wanted = getattr(limits, name)
        if wanted is not None:
            _, hard = resource.getrlimit(kind)
            ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(kind, (ceiling, ceiling))


def _main(arguments: list[str]) -> None:
    split = arguments.index("--")
    parent, values, program = int(arguments[0]), arguments[1:split], arguments[split + 1 :]
    die_with_parent(parent)
    apply(Limits(**{name: int(value) for name, value in (item.split("=", 1) for item in values)}))
    os.execvp(program[0], program)  # noqa: S606


if __name__ == "__main__":
    _main(sys.argv[1:])
