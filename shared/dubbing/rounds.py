"""Another round for a job that is over: what did not succeed is tried again, or languages are added.

What succeeded stays as it is, results and all; each function is one step inside one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session

from shared.dubbing import state
from shared.dubbing.state import Status
from shared.models import Dub, Job, new_id

# A new round's count of troubles begins anew, and so does its way to a worker.
ANEW: dict[str, Any] = {
    "stage": None,
    "progress": 0.0,
    "error_code": None,
    "error_message": None,
    "started_at": None,
    "completed_at": None,
    "expires_at": None,
    "estimated_end_at": None,
    "cancel_requested_at": None,
    "wake_sent_at": None,
    "wakes": 0,
    "crashes": 0,
    "transient_failures": 0,
    "first_transient_at": None,
}


@dataclass(frozen=True)
class NewDub:
    """A language to add; `transcript` is GivenTranscript.to_dict(); the rest is as in Request, for this language."""

    language: str
    transcript: dict[str, Any] | None = None
    voices: Mapping[str, str] = field(default_factory=dict)
    glossary: Mapping[str, str | None] = field(default_factory=dict)
    registers: Mapping[str, str] = field(default_factory=dict)
    voice_consent: bool = False


def reopen(session: Session, job: Job) -> bool:
    """PENDING and due now, one round on; False when the job is live after all. The caller holds the row's lock."""
    opened = state.move_job(state.OVER, Status.PENDING).where(Job.job_id == job.job_id)
    values = {**ANEW, "round": Job.round + 1, "not_before": func.now()}
    return session.execute(opened.values(**values).returning(Job.job_id)).one_or_none() is not None


def try_again(session: Session, job: Job) -> int:
    """The languages that did not succeed wait again, in the job's next round; how many there are."""
    again = state.move_dub({Status.FAILED, Status.CANCELED}, Status.PENDING).where(Dub.job_id == job.job_id)
    values = {
        "round": job.round + 1,
        "stage": None,
        "progress": 0.0,
        "error_code": None,
        "error_message": None,
        "completed_at": None,
    }
    return len(session.execute(again.values(**values).returning(Dub.id)).all())


def add(session: Session, job: Job, languages: Sequence[NewDub]) -> None:
    """Write a PENDING dub for each, behind those that are there, for the job's next round."""
    behind = max((dub.position for dub in job.dubs), default=-1) + 1
    for position, new in enumerate(languages, behind):
        session.add(
            Dub(
                id=new_id(),
                job_id=job.job_id,
                position=position,
                language=new.language,
                status=state.initial(),
                transcript=new.transcript,
                round=job.round + 1,
            )
        )
    for new in languages:
        job.options = _with_wishes(job.options, new)
    session.flush()


def _with_wishes(options: dict[str, Any], new: NewDub) -> dict[str, Any]:
    """The job's options with what is asked for this language alone."""
    wishes = {"voices_for": new.voices, "glossary_for": new.glossary, "registers_for": new.registers}
    own = {name: {**options.get(name, {}), new.language: dict(wish)} for name, wish in wishes.items() if wish}
    consent = {"voice_consent": True} if new.voice_consent else {}
    return {**options, **own, **consent}
