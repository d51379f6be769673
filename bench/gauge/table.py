"""Tables for a terminal, and what has to be said with every measurement."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version

import imageio_ffmpeg
import psutil

MIB = 1024 * 1024


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows under their heads; the first and the last column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    last = len(head) - 1
    texts = (
        "  ".join(
            cell.ljust(width) if column in (0, last) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, ["-" * width for width in widths], *rows)
    )
    return "\n".join([title, *texts, ""])


def mib(size: int) -> str:
    """Bytes as MiB."""
    return f"{size / MIB:.0f}" if size else "-"


def setting(seed: int, packages: Sequence[str]) -> str:
    """Seed, machine, how busy it is, and versions."""
    memory = psutil.virtual_memory().total / 1024**3
    load = os.getloadavg()[0]
    versions = ", ".join(f"{package} {version(package)}" for package in sorted(packages))
    return (
        f"seed {seed}; {len(os.sched_getaffinity(0))} cores ({platform.machine()}), {memory:.0f} GiB of memory, "
        f"load {load:.1f} when this was printed\n"
        f"Python {platform.python_version()}, ffmpeg {_ffmpeg()}, {versions}\n"
    )


def _ffmpeg() -> str:
    said = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-version"], capture_output=True, text=True, check=True)
    return said.stdout.split()[2]
