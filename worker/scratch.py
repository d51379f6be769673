"""Scratch: one directory a lease on the local disk, named by its token."""

import shutil
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from shared.config import GIB, Settings
from shared.db import transaction
from shared.dubbing import jobs

# What a job keeps on disk at its peak: the original, one language's dubbed file and its copy while `faststart` moves
# the index, and per second of sound: two FLACs at most as large as 48 kHz 16-bit stereo PCM, the voice track, the AAC.
# What a language has made goes when it is published.
ORIGINALS = 3
BYTES_PER_SECOND = 48_000 * 2 * (2 + 2 + 1) + 24_000


def directory(settings: Settings, lease_token: UUID) -> Path:
    """The directory of one lease."""
    return settings.scratch_dir / str(lease_token)


def needed_bytes(size_bytes: int, duration_seconds: float) -> int:
    """The disk space a job takes at its peak."""
    return ORIGINALS * size_bytes + int(BYTES_PER_SECOND * duration_seconds)


def room_bytes(settings: Settings) -> tuple[int, int]:
    """What jobs may take of the disk now, and if it were empty; a reserve stays (a gigabyte, or a twentieth)."""
    settings.scratch_dir.mkdir(parents=True, exist_ok=True)
    usage = shutil.disk_usage(settings.scratch_dir)
    reserve = min(GIB, usage.total // 20)
    return usage.free - reserve, usage.total - reserve


def empty(settings: Settings, engine: Engine) -> int:
    """Remove what no live lease owns; how many directories went."""
    settings.scratch_dir.mkdir(parents=True, exist_ok=True)
    # Listed before the leases are read: a directory made meanwhile belongs to a lease that we would not know.
    there = [entry for entry in settings.scratch_dir.iterdir() if entry.is_dir()]
    with transaction(engine) as session:
        live = {str(token) for token in jobs.live_leases(session)}
    leftovers = [entry for entry in there if entry.name not in live]
    for leftover in leftovers:
        shutil.rmtree(leftover, ignore_errors=True)
    return len(leftovers)
