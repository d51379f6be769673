"""A user's videos: announce, find, list, retitle, delete."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared.config import GIB, Settings
from shared.dubbing import state
from shared.errors import AppError, not_found
from shared.models import Artifact, Dub, Job, Result, Video, new_id
from shared.storage import original_key, results_prefix, thumbnail_key

# Of a file's name, in bytes of UTF-8: a disk takes 255 for both and what a result's name adds.
LONGEST_STEM, LONGEST_SUFFIX = 200, 16
# The most that S3 takes in one PUT.
LARGEST_PUT = 5 * GIB
# Characters that turn the reading direction around: a name may not pretend to be another.
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
# Format characters that Persian, the scripts of India and joined emoji are written with; alone they show nothing.
JOINERS = "\u200c\u200d"
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_BLANK = rf"[\s{JOINERS}]"
_TITLE_EDGES = re.compile(rf"^{_BLANK}+|{_BLANK}+$")
_NAME_EDGES = re.compile(rf"^[\s.{JOINERS}]+|[\s.{JOINERS}]+$")


def display_filename(name: str) -> str:
    """The file's name to show and to download under, in any script: no folders, no control characters.

    At most 200 bytes of UTF-8 and its suffix, which has at most 16.
    """
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = _NAME_EDGES.sub("", _visible(last)) or "upload"
    suffix = PurePosixPath(kept).suffix
    if len(suffix.encode()) > LONGEST_SUFFIX:
        suffix = ""
    stem = kept.removesuffix(suffix).encode()[:LONGEST_STEM].decode(errors="ignore")
    return _NAME_EDGES.sub("", stem) + suffix


def display_title(title: str | None, filename: str) -> str:
    """The title without control and format characters; the stem of `filename` where nothing is left."""
    return _TITLE_EDGES.sub("", _visible(title or "")) or PurePosixPath(filename).stem or filename


def _visible(text: str) -> str:
    return "".join(c for c in text if c in JOINERS or unicodedata.category(c) not in HIDDEN)


def announce(
    session: Session,
    user_id: UUID,
    settings: Settings,
    *,
    filename: str,
    size_bytes: int,
    content_type: str,
    title: str | None,
) -> Video:
    """A video whose bytes are about to come. Raises AppError `empty_upload`, `too_large` (422)."""
    if size_bytes < 1:
        raise AppError("empty_upload", "The file is empty. Choose another one.", 422)
    limit = min(settings.max_upload_bytes, LARGEST_PUT)
    if size_bytes > limit:
        raise AppError("too_large", f"The file may have at most {limit} bytes.", 422, details={"limit_bytes": limit})
    shown = display_filename(filename)
    video = Video(
        id=new_id(),
        user_id=user_id,
        filename=shown,
        title=display_title(title, shown),
        content_type=content_type,
        size_bytes=size_bytes,
    )
    session.add(video)
    session.flush()
    session.refresh(video)
    return video


def find(session: Session, user_id: UUID, video_id: UUID) -> Video:
    """The user's video. Raises AppError `not_found` (404)."""
    video = session.scalar(select(Video).where(Video.id == video_id, Video.user_id == user_id))
    if video is None:
        raise not_found("video")
    return video


def listed(session: Session, user_id: UUID, *, limit: int, before: UUID | None) -> Sequence[Video]:
    """Up to `limit` of the user's videos, newest first, older than `before`."""
    query = select(Video).where(Video.user_id == user_id).order_by(Video.id.desc()).limit(limit)
    return session.scalars(query.where(Video.id < before) if before else query).all()


def retitle(session: Session, user_id: UUID, video_id: UUID, title: str) -> Video:
    """Give the video another title. Raises AppError `not_found` (404)."""
    video = find(session, user_id, video_id)
    video.title = display_title(title, video.filename)
    session.flush()
    return video


def delete_rows(session: Session, user_id: UUID, video_id: UUID) -> list[str]:
    """Delete the video and all rows made from it; returns the prefixes to delete in the bucket after the commit.

    Raises AppError `not_found` (404), `video_in_use` (409) while a job of it is live.
    """
    mine = select(Video).where(Video.id == video_id, Video.user_id == user_id).with_for_update()
    video = session.scalar(mine)
    if video is None:
        raise not_found("video")
    jobs = session.execute(select(Job.job_id, Job.status).where(Job.video_id == video_id)).all()
    if any(job.status in state.LIVE for job in jobs):
        raise AppError("video_in_use", "A dub of this video is still running. Cancel it first.", 409)
    ids = [job.job_id for job in jobs]
    session.execute(delete(Result).where(Result.job_id.in_(ids)))
    session.execute(delete(Artifact).where(Artifact.video_id == video_id))
    session.execute(delete(Dub).where(Dub.job_id.in_(ids)))
    session.execute(delete(Job).where(Job.job_id.in_(ids)))
    session.execute(delete(Video).where(Video.id == video_id))
    return [
        original_key(video_id),
        thumbnail_key(video_id),
        f"artifacts/{video_id}/",
        *(results_prefix(job) for job in ids),
    ]
