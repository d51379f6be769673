"""Objects that no row speaks of: stored by who crashed, lost the lease or came late, before it could be recorded.

Whatever is stored is recorded at once or never, so what is a day old and still unknown stays so.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from uuid import UUID

from sqlalchemy import Engine, func, select, tuple_
from sqlalchemy.orm import Session

from shared.db import transaction
from shared.models import Artifact, Result, Video
from shared.storage import ARTIFACTS, ORIGINALS, RESULTS, THUMBNAILS, Storage, original_key, thumbnail_key

# Whose bytes it is, a video's or a job's; anything else in the bucket is none of our business.
OURS = re.compile(
    r"(originals|thumbnails|results|artifacts(?=/[^/]+/[^/]+/))/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}([/.].+)?"
)
# Longer than a job may run, so nothing of a job that goes on is taken for a leftover.
AGE = timedelta(days=1)

Known = Callable[[Session, list[str]], Iterable[str]]


def sweep(engine: Engine, storage: Storage, age: timedelta = AGE) -> int:
    """Delete the objects older than `age` that no row names; how many. Raises TransientError: the rest comes next."""
    with transaction(engine) as session:
        before: datetime = session.scalar(select(func.now() - age))  # type: ignore[assignment]
    done = 0
    for prefix, known in KNOWN.items():
        for found in storage.older(prefix, before):
            keys = [key for key in found if OURS.fullmatch(key)]
            with transaction(engine) as session:
                kept = set(known(session, keys))
            done += storage.delete([key for key in keys if key not in kept])
    return done


def _artifacts(session: Session, keys: list[str]) -> Iterable[str]:
    names = [PurePosixPath(key).parts[1:3] for key in keys]  # video and fingerprint, which have an index
    made = tuple_(Artifact.video_id, Artifact.fingerprint).in_([(UUID(video_id), name) for video_id, name in names])
    return session.scalars(select(Artifact.key).where(made))


def _results(session: Session, keys: list[str]) -> Iterable[str]:
    ids = {UUID(PurePosixPath(key).parts[1]) for key in keys}
    return session.scalars(select(Result.key).where(Result.job_id.in_(ids)))


def _videos(key_of: Callable[[UUID], str]) -> Known:
    def known(session: Session, keys: list[str]) -> Iterable[str]:
        ids = {UUID(PurePosixPath(key).stem) for key in keys}
        return [key_of(video_id) for video_id in session.scalars(select(Video.id).where(Video.id.in_(ids)))]

    return known


# By the beginning of the key, which of the keys a row names.
KNOWN: dict[str, Known] = {
    ORIGINALS: _videos(original_key),
    THUMBNAILS: _videos(thumbnail_key),
    ARTIFACTS: _artifacts,
    RESULTS: _results,
}
