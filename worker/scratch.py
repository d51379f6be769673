"""Scratch: one directory a lease on the local disk, named by its token."""

import shutil
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from shared.config import GIB, Settings
from shared.db import transaction
from shared.dubbing import leases

# What a job keeps on disk at its peak: the original, per language under way its dubbed file and that file's copy while
# `faststart` moves the index; and per second of sound: two FLACs at most as large as 48 kHz 16-bit stereo PCM, per
# language the voice track and the AAC. What a language has made goes when it is published.
DUBBED = 2
ORIGINALS = 1 + DUBBED
SHARED_BYTES_PER_SECOND = 48_000 * 2 * (2 + 2)
LANGUAGE_BYTES_PER_SECOND = 48_000 * 2 + 24_000


def directory(settings: Settings, lease_token: UUID) -> Path:
    """The directory of one lease."""
    return settings.scratch_dir / str(lease_token)


def needed_bytes(size_bytes: int, duration_seconds: float, lanes: int = 1) -> int:
    """The disk space a job takes at its peak, with `lanes` languages side by side."""
    bytes_per_second = SHARED_BYTES_PER_SECOND + lanes * LANGUAGE_BYTES_PER_SECOND
    return (1 + DUBBED * lanes) * size_bytes + int(bytes_per_second * duration_seconds)


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
        live = {str(token) for token in leases.live_leases(session)}
    leftovers = [entry for entry in there if entry.name not in live]
    for leftover in leftovers:
        shutil.rmtree(leftover, ignore_errors=True)
    return len(leftovers)
