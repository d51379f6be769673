"""A user's videos: announce, find, list, retitle."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.config import Settings
from shared.errors import AppError, not_found
from shared.models import Video, new_id

# Of a file's name, in bytes of UTF-8: a disk takes 255 for both and what a result's name adds.
LONGEST_STEM, LONGEST_SUFFIX = 200, 16
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


def announced(
    user_id: UUID, settings: Settings, *, filename: str, size_bytes: int, content_type: str, title: str | None
) -> Video:
    """A video whose bytes are about to come, not yet in the database.

    Raises AppError `empty_upload`, `too_large` (422).
    """
    if size_bytes < 1:
        raise AppError("empty_upload", "The file is empty. Choose another one.", 422)
    if size_bytes > settings.max_upload_bytes:
        raise too_large(settings)
    shown = display_filename(filename)
    return Video(
        id=new_id(),
        user_id=user_id,
        filename=shown,
        title=display_title(title, shown),
        content_type=content_type,
        size_bytes=size_bytes,
    )


def too_large(settings: Settings) -> AppError:
    """The refusal of a file above the installation's limit (422)."""
    limit = settings.max_upload_bytes
    return AppError("too_large", f"The file may have at most {limit} bytes.", 422, details={"limit_bytes": limit})


def find(session: Session, user_id: UUID, video_id: UUID) -> Video:
    """The user's video. Raises AppError `not_found` (404)."""
    mine = select(Video).where(Video.id == video_id, Video.user_id == user_id, Video.deleted_at.is_(None))
    video = session.scalar(mine)
    if video is None:
        raise not_found("video")
    return video


def listed(
    session: Session, user_id: UUID, *, limit: int, before: UUID | None, status: str | None = None
) -> Sequence[Video]:
    """Up to `limit` of the user's videos, newest first, older than `before`; of one status."""
    query = select(Video).where(Video.user_id == user_id, Video.deleted_at.is_(None))
    if before is not None:
        query = query.where(Video.id < before)
    if status is not None:
        query = query.where(Video.status == status)
    return session.scalars(query.order_by(Video.id.desc()).limit(limit)).all()


def retitle(session: Session, user_id: UUID, video_id: UUID, title: str) -> Video:
    """Give the video another title. Raises AppError `not_found` (404)."""
    video = find(session, user_id, video_id)
    video.title = display_title(title, video.filename)
    session.flush()
    session.refresh(video)
    return video
