"""A user's jobs from the outside: order, find, list, cancel, retry, add languages, results."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, joinedload, undefer

from shared.accounts import access, activity
from shared.accounts.activity import Kind
from shared.accounts.client import Client
from shared.config import Settings
from shared.dubbing import jobs, rounds, state
from shared.dubbing.acceptance import check
from shared.dubbing.excerpt import Range
from shared.dubbing.request import Request
from shared.dubbing.rounds import NewDub
from shared.dubbing.shown import ShownJob
from shared.dubbing.state import Status
from shared.dubbing.transcript import GivenTranscript
from shared.errors import AppError, not_found
from shared.languages import VERSIONS, Published, capabilities
from shared.models import Job, Result, Video
from shared.models.jobs import LIVE
from shared.prepared import Prepared
from shared.storage import Storage, original_key

# So long before its time is over a job is not reopened: longer than any transaction, so that no sweep comes in between.
LAST_MOMENT = timedelta(minutes=1)
# Jobs as users see them. Asked for all the time, so it is put together once.
_SHOWN = select(Job).where(Job.deleted_at.is_(None)).options(joinedload(Job.dubs))
_FIND = _SHOWN.where(Job.job_id == bindparam("job_id"), Job.user_id == bindparam("user_id"))
_LIVE_JOBS = select(func.count()).where(Job.user_id == bindparam("owner"), LIVE).scalar_subquery()
_KEEP = Prepared(
    select(Video.status, Video.duration_seconds, Video.has_video, _LIVE_JOBS, VERSIONS)
    .where(Video.id == bindparam("video"), Video.user_id == bindparam("owner"), Video.deleted_at.is_(None))
    .with_for_update(read=True, of=Video)
)


@dataclass(frozen=True, slots=True)
class KeptVideo:
    """A video that isn't deleted while the transaction is open, and what is asked along with it.

    `live_jobs` are its owner's, of any video; `versions` is languages.VERSIONS.
    """

    status: str
    duration_seconds: float | None
    has_video: bool | None
    live_jobs: int
    versions: Any


def order(
    session: Session,
    storage: Storage,
    settings: Settings,
    published: Published,
    *,
    user_id: UUID,
    video_id: UUID,
    request: Request,
    webhook_url: str | None = None,
    where: Client | None = None,
) -> ShownJob:
    """Check the request and write the job, asked for from `where`; wake a worker after the commit.

    Raises AppError `not_found` (404), `video_not_ready` (409), `too_many_jobs` (429), 422s.
    """
    access.demand_alive(session, user_id, alone=True)  # two orders at once are counted one after the other
    video = _kept_video(session, user_id, video_id)
    request = check(request, video, published.capabilities(session, video.versions), settings)
    _check_live(video, settings)
    job = jobs.create(
        session,
        jobs.NewJob(
            user_id=user_id,
            video_id=video_id,
            original_s3_path=storage.path(original_key(video_id)),
            source_language=request.source_language,
            target_languages=request.target_languages,
            source_transcript=request.source_transcript.to_dict() if request.source_transcript else None,
            options=request.options,
            target_transcripts={tag: text.to_dict() for tag, text in request.target_transcripts.items()},
            webhook_url=webhook_url,
        ),
    )
    activity.job_asked(session, job, Kind.JOB_CREATED, where)
    return job


def retry(session: Session, settings: Settings, user_id: UUID, job_id: UUID, where: Client | None = None) -> Job:
    """Run again what did not succeed, in another round; wake a worker after the commit. `where` is None for operators.

    Raises AppError `not_found` (404), `invalid_state` (409) for a job that is live or has nothing to try again,
    `too_many_jobs` (429).
    """
    job, video = _over_and_locked(session, user_id, job_id)
    if job.status == Status.COMPLETED and all(dub.status == Status.COMPLETED for dub in job.dubs):
        raise _invalid_state(job, "All languages of this job are ready: there is nothing to try again.")
    _check_live(video, settings)
    rounds.try_again(session, job)
    activity.job_asked(session, job, Kind.JOB_RETRIED, where)
    return _reopened(session, job)


def add_languages(
    session: Session, settings: Settings, user_id: UUID, job_id: UUID, wanted: Request, where: Client | None = None
) -> Job:
    """Add languages to a job that is over; all that was made before them serves them too. Wake a worker after it.

    Of `wanted` only the languages and what is asked for them count: transcripts, voices, glossary, registers.
    Raises AppError `not_found` (404), `invalid_state`, `duplicate_language` (409), `too_many_jobs` (429), and 422s as
    for an order.
    """
    job, video = _over_and_locked(session, user_id, job_id)
    given = GivenTranscript.from_dict(job.source_transcript) if job.source_transcript else None
    part = job.options.get("range")
    wanted = replace(
        wanted,
        source_language=job.source_language,
        source_transcript=given,
        range=Range(**part) if part else None,
        preview=bool(job.options.get("preview")),
        voice_consent=wanted.voice_consent or bool(job.options.get("voice_consent")),
    )
    wanted = check(wanted, video, capabilities(session), settings)
    _check_new(job, wanted, settings)
    _check_live(video, settings)
    rounds.add(session, job, [_new_dub(wanted, language) for language in wanted.target_languages])
    activity.job_asked(session, job, Kind.LANGUAGES_ADDED, where, languages=list(wanted.target_languages))
    return _reopened(session, job)


def _new_dub(wanted: Request, language: str) -> NewDub:
    text = wanted.target_transcripts.get(language)
    return NewDub(
        language,
        text.to_dict() if text else None,
        wanted.voices,
        wanted.glossary,
        wanted.registers,
        voice_consent=wanted.voice_consent,
    )


def _check_new(job: Job, wanted: Request, settings: Settings) -> None:
    there = {dub.language for dub in job.dubs}
    doubled = [language for language in wanted.target_languages if language in there]
    if doubled:
        raise AppError(
            "duplicate_language",
            f"The job has “{doubled[0]}” already. Where it failed, try the job again instead.",
            409,
            details={"languages": doubled},
        )
    if len(there) + len(wanted.target_languages) > settings.max_languages:
        raise AppError("too_many_languages", f"One job may have {settings.max_languages} languages at most.", 422)


def _reopened(session: Session, job: Job) -> Job:
    rounds.reopen(session, job)
    session.expire_all()
    return find(session, job.user_id, job.job_id)


def _kept_video(session: Session, user_id: UUID, video_id: UUID) -> KeptVideo:
    """The user's video, which isn't deleted while this transaction is open. Raises AppError `not_found` (404)."""
    rows = _KEEP.rows(session.connection(), {"video": video_id, "owner": user_id})
    if not rows:
        raise not_found("video")
    return KeptVideo(*rows[0])


def _over_and_locked(session: Session, user_id: UUID, job_id: UUID) -> tuple[Job, KeptVideo]:
    """The user's job, over and locked, and its video, kept.

    Raises AppError `not_found` (404), `invalid_state`, `job_expired` (409).
    """
    access.demand_alive(session, user_id, alone=True)  # two orders at once are counted one after the other
    video = _kept_video(session, user_id, find(session, user_id, job_id).video_id)
    # As everywhere: first the video, then its jobs.
    mine = select(Job).where(Job.job_id == job_id, Job.deleted_at.is_(None)).options(undefer(Job.source_transcript))
    job = session.scalar(mine.with_for_update().execution_options(populate_existing=True))
    if job is None:
        raise not_found("dubbing job")
    if job.status in state.LIVE:
        raise _invalid_state(job, "The job is still under way. Wait until it is over, or cancel it.")
    if job.expires_at is not None and job.expires_at <= datetime.now(UTC) + LAST_MOMENT:
        raise AppError("job_expired", "What this job made is not kept any more. Order a new one.", 409)
    return job, video


def _invalid_state(job: Job, sentence: str) -> AppError:
    return AppError("invalid_state", sentence, 409, details={"job_status": job.status})


def _check_live(video: KeptVideo, settings: Settings) -> None:
    if video.live_jobs >= settings.max_live_jobs:
        raise AppError(
            "too_many_jobs",
            f"You have {settings.max_live_jobs} jobs under way. Wait until one is over.",
            429,
            details={"limit": settings.max_live_jobs},
            retry_after=60,
        )


def find(session: Session, user_id: UUID, job_id: UUID) -> Job:
    """The user's job with its dubs, in one statement. Raises AppError `not_found` (404)."""
    job = session.scalars(_FIND, {"job_id": job_id, "user_id": user_id}).unique().one_or_none()
    if job is None:
        raise not_found("dubbing job")
    return job


def cancel(session: Session, settings: Settings, user_id: UUID, job_id: UUID, where: Client | None = None) -> Job:
    """Ask for the end: at once while it waits, soon while it runs. Raises AppError `not_found`, `invalid_state`."""
    job = find(session, user_id, job_id)
    is_new = job.cancel_requested_at is None
    if not jobs.request_cancel(session, job_id):
        session.refresh(job)
        raise _invalid_state(job, "The job is over already, or on its last step: there is nothing left to cancel.")
    if is_new:
        activity.job_asked(session, job, Kind.JOB_CANCELED, where)
    jobs.settle(session, job_id, settings)
    session.expire_all()
    return find(session, user_id, job_id)


def results(session: Session, user_id: UUID, job_id: UUID) -> Sequence[Result]:
    """The files that are ready.

    Raises AppError `not_found` (404), `not_ready` (409) until a dub is, `results_expired` (410) after their time.
    """
    job = find(session, user_id, job_id)
    if not any(dub.status == Status.COMPLETED for dub in job.dubs):
        raise AppError("not_ready", "No language of this job is ready.", 409, details={"job_status": job.status})
    query = select(Result).where(Result.job_id == job_id)
    rows = session.scalars(query.order_by(Result.language.nulls_first(), Result.kind, Result.filename)).all()
    if not rows:
        raise AppError("results_expired", "The results were kept for their time and are gone. Dub again.", 410)
    return rows
