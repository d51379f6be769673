"""Videos that are fetched from an address: create, claim, renew, postpone, end. Each is a step in one transaction.

The row in `imports` is the truth and is there until the video is READY or REJECTED. Times are the database's own
clock; every write after the claim is fenced by the lease's token, and by the video being wanted still.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zlib import crc32

from sqlalchemy import ColumnElement, CursorResult, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from shared.accounts.access import demand_alive
from shared.config import Settings
from shared.dubbing.jobs import backoff
from shared.egress import checked
from shared.errors import AppError, LeaseLostError
from shared.models import Import, Video, VideoStatus, new_id
from shared.videos import library
from shared.videos.naming import name_in_url

ANY_BYTES = "application/octet-stream"
GAVE_UP = ("import_failed", "The fetching stopped without a word several times over. If it happens again, tell us.")
CLAIMING = crc32(b"onevoice imports claim")
TRIED_LONG = "The file was tried for a long time and could not be fetched. The last trouble was: {message}"


@dataclass(frozen=True)
class Claim:
    """A lease on an import: the fence of all that its holder writes."""

    video_id: UUID
    lease_token: UUID
    attempt: int


@dataclass(frozen=True)
class Order:
    """What is to be fetched, and how far that has come. Sizes in bytes."""

    url: str
    filename: str
    title: str
    remote_etag: str | None
    upload_id: str | None
    part_size: int | None


def create(
    session: Session, settings: Settings, user_id: UUID, *, url: str, filename: str | None, title: str | None
) -> Video:
    """A video whose bytes the worker will fetch. Raises AppError `url_not_allowed` (422), `too_many_imports` (429)."""
    plain = checked(settings, url)
    demand_alive(session, user_id, alone=True)  # two at once are counted one after the other
    _check_live(session, settings, user_id)
    shown = library.display_filename(filename or name_in_url(plain))
    video = Video(
        id=new_id(),
        user_id=user_id,
        status=VideoStatus.IMPORTING,
        filename=shown,
        title=library.display_title(title, shown),
        content_type=ANY_BYTES,
    )
    session.add(video)
    session.flush()
    session.add(Import(video_id=video.id, url=plain))
    session.flush()
    session.refresh(video)
    return video


def _check_live(session: Session, settings: Settings, user_id: UUID) -> None:
    live = (
        select(func.count())
        .select_from(Video)
        .where(Video.user_id == user_id, Video.status == VideoStatus.IMPORTING, Video.deleted_at.is_(None))
    )
    if (session.scalar(live) or 0) >= settings.max_live_jobs:
        raise AppError(
            "too_many_imports",
            f"You have {settings.max_live_jobs} imports under way. Wait until one is over.",
            429,
            details={"limit": settings.max_live_jobs},
            retry_after=60,
        )


def settle(session: Session, settings: Settings) -> None:
    """End the imports that nobody runs and that are over: their video is, or they stopped too often."""
    idle = or_(Import.lease_until.is_(None), Import.lease_until <= func.now())
    over = exists().where(
        Video.id == Import.video_id, or_(Video.status != VideoStatus.IMPORTING, Video.deleted_at.is_not(None))
    )
    session.execute(delete(Import).where(idle, over))
    exhausted = select(Import).where(Import.lease_until <= func.now(), Import.crashes >= settings.max_crashes)
    for row in session.scalars(exhausted.with_for_update(skip_locked=True)):
        _reject(session, settings, row.video_id, GAVE_UP)


def claim(session: Session, settings: Settings) -> Claim | None:
    """Take the import that waits longest, of a user who has fewest under way and may have more, with a fresh lease.

    None when none is due, or others have them.
    """
    session.execute(select(func.pg_advisory_xact_lock(CLAIMING)))  # two at once would not count each other's
    due = and_(Import.not_before <= func.now(), or_(Import.lease_until.is_(None), Import.lease_until <= func.now()))
    running = _running()
    fair = select(Import).join(Video, Video.id == Import.video_id).where(due, running < settings.import_slots_per_user)
    longest = fair.order_by(running, Import.not_before).limit(1)
    row = session.scalar(longest.with_for_update(of=Import, skip_locked=True))
    if row is None:
        return None
    if row.lease_token is not None:
        row.crashes += 1
    row.lease_token, row.attempt = new_id(), row.attempt + 1
    row.lease_until = _from_now(settings.lease_seconds)
    session.flush()
    return Claim(row.video_id, row.lease_token, row.attempt)


def _running() -> ColumnElement[int]:
    """How many imports of a video's owner are under way."""
    theirs, held = aliased(Video), aliased(Import)
    count = select(func.count()).select_from(held).join(theirs, theirs.id == held.video_id)
    return (
        count.where(theirs.user_id == Video.user_id, held.lease_until > func.now()).correlate(Video).scalar_subquery()
    )


def renew(session: Session, held: Claim, settings: Settings) -> bool:
    """Push the lease's end out; False when it is no longer held or the video no longer wanted."""
    return _changed(session, _mine(held).values(lease_until=_from_now(settings.lease_seconds)))


def order(session: Session, held: Claim) -> Order:
    """What `held` has to do. Raises LeaseLostError."""
    query = select(Import, Video).join(Video, Video.id == Import.video_id).where(*fence(held))
    found = session.execute(query).one_or_none()
    if found is None:
        raise LeaseLostError(str(held.video_id))
    row, video = found
    return Order(row.url, video.filename, video.title, row.remote_etag, video.upload_id, video.part_size)


def begun(session: Session, held: Claim, *, upload_id: str, part_size: int) -> None:
    """The fetching begins, at the first byte. Raises LeaseLostError."""
    _write(session, held, remote_etag=None, received_bytes=0)
    session.execute(update(Video).where(Video.id == held.video_id).values(upload_id=upload_id, part_size=part_size))


def described(session: Session, held: Claim, *, remote_etag: str | None, **video: Any) -> None:
    """What the server says of the file: its strong validator, and columns of the video. Raises LeaseLostError."""
    _write(session, held, remote_etag=remote_etag)
    session.execute(update(Video).where(Video.id == held.video_id).values(**video))


def received(session: Session, held: Claim, received_bytes: int) -> None:
    """So much is safe, and what went wrong before is over. Raises LeaseLostError."""
    _write(session, held, received_bytes=received_bytes)
    _show_reason(session, held.video_id, None)


def done(session: Session, held: Claim) -> None:
    """The verdict on the video is recorded: the import is over."""
    session.execute(delete(Import).where(*_token(held)))


def let_go(session: Session, held: Claim) -> None:
    """Due again at once, without counting anything (a drain, a deleted video)."""
    free = {"lease_token": None, "lease_until": None}
    session.execute(update(Import).where(*_token(held)).values(**free))


def reject(session: Session, settings: Settings, held: Claim, error: tuple[str, str]) -> bool:
    """The file can't be had: the video is REJECTED for good. False when the lease is no longer held."""
    row = session.scalar(select(Import).where(*_token(held)).with_for_update())
    if row is not None:
        _reject(session, settings, held.video_id, error)
    return row is not None


def postpone(
    session: Session, held: Claim, error: tuple[str, str], settings: Settings, retry_after: float | None = None
) -> float | None:
    """Transient trouble: due again after so many seconds; or REJECTED (None) when count and time are used up.

    Meanwhile the video shows the reason.
    """
    row = session.scalar(select(Import).where(*_token(held)).with_for_update())
    if row is None:
        return None
    row.transient_failures += 1
    tried = session.scalar(select(func.now() - row.created_at))
    assert tried is not None
    if row.transient_failures >= settings.max_transient_failures and tried.total_seconds() >= (
        settings.give_up_after_seconds
    ):
        _reject(session, settings, held.video_id, ("import_failed", TRIED_LONG.format(message=error[1])))
        return None
    wish = min(max(0.0, retry_after or 0.0), settings.backoff_cap_seconds)
    delay = max(backoff(row.transient_failures, settings), wish)
    row.lease_token = row.lease_until = None
    row.not_before = _from_now(delay)
    session.flush()
    _show_reason(session, held.video_id, error)
    return delay


def _show_reason(session: Session, video_id: UUID, error: tuple[str, str] | None) -> None:
    """What an import met last stands where a rejection would, until it goes on or is one."""
    code, message = error or (None, None)
    importing = (
        Video.id == video_id,
        Video.status == VideoStatus.IMPORTING,
        Video.rejection_code.is_distinct_from(code),
    )
    session.execute(update(Video).where(*importing).values(rejection_code=code, rejection_message=message))


def fence(held: Claim) -> tuple[ColumnElement[bool], ...]:
    """The condition on `imports` under which the holder of `held` may write: it holds, and the video is wanted."""
    importing = (Video.id == Import.video_id, Video.status == VideoStatus.IMPORTING, Video.deleted_at.is_(None))
    return (*_token(held), exists().where(*importing).correlate(Import))


def video_fence(held: Claim) -> ColumnElement[bool]:
    """The condition on `videos` under which the holder of `held` may write."""
    return exists().where(Import.video_id == Video.id, *_token(held)).correlate(Video)


def _token(held: Claim) -> tuple[ColumnElement[bool], ...]:
    return (Import.video_id == held.video_id, Import.lease_token == held.lease_token)


def _mine(held: Claim) -> Any:
    return update(Import).where(*fence(held)).execution_options(synchronize_session=False)


def _write(session: Session, held: Claim, **values: Any) -> None:
    if not _changed(session, _mine(held).values(**values)):
        raise LeaseLostError(str(held.video_id))


def _reject(session: Session, settings: Settings, video_id: UUID, error: tuple[str, str]) -> None:
    verdict = {
        "status": VideoStatus.REJECTED,
        "rejection_code": error[0],
        "rejection_message": error[1],
        "expires_at": _from_now(settings.retention_days * 86_400),
    }
    importing = (Video.id == video_id, Video.status == VideoStatus.IMPORTING)
    session.execute(update(Video).where(*importing).values(**verdict))
    session.execute(delete(Import).where(Import.video_id == video_id))


def _from_now(seconds: float) -> ColumnElement[datetime]:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, float(seconds))


def _changed(session: Session, statement: Any) -> bool:
    result: CursorResult[Any] = session.execute(statement)  # type: ignore[assignment]
    return result.rowcount > 0
