"""Telling a job's owner by mail that it is over."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from shared import languages
from shared.config import Settings
from shared.dubbing.state import Status
from shared.mails import links, outbox, reasons, sending
from shared.mails.templates import Template, Topic, locale_of
from shared.models import Dub, Job, User, Video

DubRow = Row[str, str, str | None, str | None]
Error = tuple[str | None, str | None]


def job_ended(session: Session, settings: Settings, job: Job, status: Status) -> UUID | None:
    """Write the mail in the transaction that ends the job and after its rows are written; its id if there is one.

    Of the round that ended: ready with the languages that succeeded, or failed when none did. Nobody is told of a job
    that was canceled or deleted, and nobody who does not want to be. A round that ends ten times is told once.
    """
    session.flush()
    if status not in (Status.COMPLETED, Status.FAILED) or not sending.is_wanted(
        session, job.user_id, Topic.JOB_FINISHED
    ):
        return None
    columns = (Job.round, Job.error_code, Job.error_message, Job.deleted_at, Video.title, User.email, User.locale)
    query = select(*columns).join(Video, Video.id == Job.video_id).join(User, User.id == Job.user_id)
    row = session.execute(query.where(Job.job_id == job.job_id)).one()
    if row.deleted_at is not None:
        return None
    dubs = _dubs(session, job.job_id, row.round)
    template, said = _said(dubs, locale_of(row.locale), (row.error_code, row.error_message))
    return outbox.write(
        session,
        template,
        row.email,
        locale=row.locale,
        user_id=job.user_id,
        once=f"job:{job.job_id}:{row.round}:{status.value}",
        link=links.job(settings, job.job_id),
        title=row.title,
        **said,
    )


def _dubs(session: Session, job_id: UUID, number: int) -> Sequence[DubRow]:
    columns = (Dub.language, Dub.status, Dub.error_code, Dub.error_message)
    return session.execute(
        select(*columns).where(Dub.job_id == job_id, Dub.round == number).order_by(Dub.position)
    ).all()


def _said(dubs: Sequence[DubRow], locale: str, error: Error) -> tuple[Template, dict[str, str | list[str]]]:
    ready = [languages.display_name(dub.language, locale) for dub in dubs if dub.status == Status.COMPLETED]
    failed = [dub for dub in dubs if dub.status == Status.FAILED]
    if not ready:
        code, message = (failed[0].error_code, failed[0].error_message) if failed else error
        return Template.DUB_FAILED, {"reason": reasons.said(code, message, locale)}
    names = [languages.display_name(dub.language, locale) for dub in failed]
    return Template.DUB_READY, {"languages": ready, "failed": names}
