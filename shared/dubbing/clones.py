"""The account of cloned voices: written before a provider is asked for one, kept until the voice is gone.

Each function is one step inside one transaction; between them the provider is asked.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.dubbing import leases
from shared.dubbing.leases import Claim
from shared.dubbing.state import LIVE
from shared.models import ClonedVoice, Job, new_id

DOOMED = "doomed:"
_DOOMED = ClonedVoice.reference.startswith(DOOMED)
# Clones that may still be wanted: of a job that is under way.
_WANTED = and_(
    ~_DOOMED,
    exists().where(Job.job_id == ClonedVoice.job_id, Job.status.in_(LIVE), Job.deleted_at.is_(None)),
)


def note(session: Session, held: Claim, provider: str, reference: str) -> ClonedVoice:
    """The row of the job's clone of this reference, written if it is not there yet. Raises LeaseLostError."""
    leases.lock(session, held)
    row = insert(ClonedVoice).values(id=new_id(), job_id=held.job_id, provider=provider, reference=reference)
    session.execute(row.on_conflict_do_nothing(index_elements=["job_id", "provider", "reference"]))
    mine = select(ClonedVoice).where(
        ClonedVoice.job_id == held.job_id, ClonedVoice.provider == provider, ClonedVoice.reference == reference
    )
    return session.scalars(mine).one()


def made(session: Session, clone_id: UUID, voice_id: str) -> bool:
    """The provider has made it; False when the row is gone or doomed: nobody wants the voice any more."""
    row = update(ClonedVoice).where(ClonedVoice.id == clone_id, ~_DOOMED)
    noted = row.values(voice_id=voice_id)
    return session.execute(noted.returning(ClonedVoice.id)).one_or_none() is not None


def doom(session: Session, clone_id: UUID) -> bool:
    """Let nobody use the clone any more; False where its job is under way again, and may.

    Before the voice is deleted: a job that goes on meanwhile gets a row and a voice anew.
    """
    row = session.get(ClonedVoice, clone_id)
    if row is None:
        return False
    session.execute(select(Job.job_id).where(Job.job_id == row.job_id).with_for_update())
    unwanted = update(ClonedVoice).where(ClonedVoice.id == clone_id, ~_WANTED).values(reference=f"{DOOMED}{clone_id}")
    return session.execute(unwanted.returning(ClonedVoice.id)).one_or_none() is not None


def gone(session: Session, clone_id: UUID) -> None:
    """The voice is deleted at the provider, so there is nothing more to remember."""
    session.execute(delete(ClonedVoice).where(ClonedVoice.id == clone_id))


def left_over(session: Session, job_id: UUID | None = None) -> Sequence[ClonedVoice]:
    """The clones of jobs that are over or gone, oldest first; of one job if it is named."""
    query = select(ClonedVoice).where(~_WANTED).order_by(ClonedVoice.id)
    if job_id is not None:
        query = query.where(ClonedVoice.job_id == job_id)
    return session.scalars(query).all()


def known(session: Session) -> Sequence[ClonedVoice]:
    """All clones that there are or may be."""
    return session.scalars(select(ClonedVoice)).all()
