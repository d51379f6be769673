"""What this machine has to give: memory and disk. Standard library only: the doctor runs before any install."""

import shutil
from pathlib import Path

MIB = 1024 * 1024
GIB = 1024 * MIB


def memory_available_bytes() -> int:
    """Bytes that programs can still take: the kernel's MemAvailable, or what the control group leaves if less."""
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    machine = int(lines["MemAvailable"].split()[0]) * 1024
    return min(machine, _group_leaves(machine))


def disk_free_bytes(folder: Path) -> int:
    """Bytes that this user may still write beside `folder`."""
    return shutil.disk_usage(folder).free


def _group_leaves(otherwise: int) -> int:
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        used = int((group / "memory.current").read_text(encoding="ascii"))
        return otherwise if limit == "max" else max(0, int(limit) - used)
    except (OSError, ValueError):  # no control group, or an older kind: the machine's own figure stands
        return otherwise
