"""A user's jobs from the outside: order, find, list, cancel, retry, add languages, results."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
from shared.dubbing.state import Status
from shared.dubbing.transcript import GivenTranscript
from shared.errors import AppError, not_found
from shared.languages import capabilities
from shared.models import Job, Result, Video
from shared.storage import Storage, original_key

# So long before its time is over a job is not reopened: longer than any transaction, so that no sweep comes in between.
LAST_MOMENT = timedelta(minutes=1)
# Jobs as users see them. Asked for all the time, so it is put together once.
_SHOWN = select(Job).where(Job.deleted_at.is_(None)).options(joinedload(Job.dubs))
_FIND = _SHOWN.where(Job.job_id == bindparam("job_id"), Job.user_id == bindparam("user_id"))


def order(
    session: Session,
    storage: Storage,
    settings: Settings,
    *,
    user_id: UUID,
    video_id: UUID,
    request: Request,
    webhook_url: str | None = None,
    where: Client | None = None,
) -> Job:
    """Check the request and write the job, asked for from `where`; wake a worker after the commit.

    Raises AppError `not_found` (404), `video_not_ready` (409), `too_many_jobs` (429), 422s.
    """
    access.demand_alive(session, user_id, alone=True)  # two orders at once are counted one after the other
    video = _kept_video(session, user_id, video_id)
    request = check(request, video, capabilities(session), settings)
    _check_live(session, user_id, settings)
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
    session.refresh(job)
    activity.job_asked(session, job, Kind.JOB_CREATED, where)
    return job


def retry(session: Session, settings: Settings, user_id: UUID, job_id: UUID, where: Client | None = None) -> Job:
    """Run again what did not succeed, in another round; wake a worker after the commit. `where` is None for operators.

    Raises AppError `not_found` (404), `invalid_state` (409) for a job that is live or has nothing to try again,
    `too_many_jobs` (429).
    """
    job = _over_and_locked(session, user_id, job_id)
    if job.status == Status.COMPLETED and all(dub.status == Status.COMPLETED for dub in job.dubs):
        raise _invalid_state(job, "All languages of this job are ready: there is nothing to try again.")
    _check_live(session, user_id, settings)
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
    job = _over_and_locked(session, user_id, job_id)
    video = _kept_video(session, user_id, job.video_id)
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
    _check_live(session, user_id, settings)
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


def _kept_video(session: Session, user_id: UUID, video_id: UUID) -> Video:
    """The user's video, which isn't deleted while this transaction is open. Raises AppError `not_found` (404)."""
    mine = select(Video).where(Video.id == video_id, Video.user_id == user_id, Video.deleted_at.is_(None))
    video = session.scalar(mine.with_for_update(read=True))
    if video is None:
        raise not_found("video")
    return video


def _over_and_locked(session: Session, user_id: UUID, job_id: UUID) -> Job:
    """The user's job, over and locked, its video kept.

    Raises AppError `not_found` (404), `invalid_state`, `job_expired` (409).
    """
    access.demand_alive(session, user_id, alone=True)  # two orders at once are counted one after the other
    _kept_video(session, user_id, find(session, user_id, job_id).video_id)
    # As everywhere: first the video, then its jobs.
    mine = select(Job).where(Job.job_id == job_id, Job.deleted_at.is_(None)).options(undefer(Job.source_transcript))
    job = session.scalar(mine.with_for_update().execution_options(populate_existing=True))
    if job is None:
        raise not_found("dubbing job")
    if job.status in state.LIVE:
        raise _invalid_state(job, "The job is still under way. Wait until it is over, or cancel it.")
    if job.expires_at is not None and job.expires_at <= datetime.now(UTC) + LAST_MOMENT:
        raise AppError("job_expired", "What this job made is not kept any more. Order a new one.", 409)
    return job


def _invalid_state(job: Job, sentence: str) -> AppError:
    return AppError("invalid_state", sentence, 409, details={"job_status": job.status})


def _check_live(session: Session, user_id: UUID, settings: Settings) -> None:
    live = select(func.count()).select_from(Job).where(Job.user_id == user_id, Job.status.in_(state.LIVE))
    if (session.scalar(live) or 0) >= settings.max_live_jobs:
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


def listed(
    session: Session, user_id: UUID, *, limit: int, before: UUID | None, status: str | None, video_id: UUID | None
) -> Sequence[Job]:
    """Up to `limit` of the user's jobs with their dubs, newest first, older than `before`; of one status, of one video.

    One statement.
    """
    mine = _SHOWN.where(Job.user_id == user_id)
    query = mine.order_by(Job.job_id.desc()).limit(limit)
    if before is not None:
        query = query.where(Job.job_id < before)
    if status is not None:
        query = query.where(Job.status == status)
    if video_id is not None:
        query = query.where(Job.video_id == video_id)
    return session.scalars(query).unique().all()


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
