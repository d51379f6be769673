"""A deleted video is gone at once, with all that was made from it, whatever runs meanwhile."""

import threading
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select, text, update

from shared.config import Settings
from shared.db import transaction
from shared.dubbing import jobs, leases
from shared.errors import TransientError
from shared.models import Artifact, Dub, Job, Result, Video, new_id
from shared.multipart import Multipart
from shared.storage import Storage, artifact_key, original_key, results_prefix, thumbnail_key
from shared.videos import deletion
from tests.factories import a_job
from tests.processes import until
from tests.web.conftest import Person, code
from tests.web.videos import keys


def test_delete_takes_everything_made_from_it(person: Person, media: Path, engine: Engine, settings: Settings) -> None:
    video_id, kept = (UUID(person.ready(media / "clip.mp4")) for _ in range(2))
    job_id = a_job(engine, "es", video_id=video_id, status="COMPLETED")
    storage = Storage(settings)
    artifact, result = artifact_key(video_id, "f", new_id()), f"{results_prefix(job_id)}es/dubbed.mp4"
    for key in (artifact, result):
        storage.put(key, b"x", "video/mp4")
    with transaction(engine) as session:
        session.add(
            Result(
                job_id=job_id,
                language="es",
                kind="dubbed_video",
                key=result,
                filename="x.mp4",
                content_type="video/mp4",
                size_bytes=1,
            )
        )
        session.add(
            Artifact(
                video_id=video_id,
                fingerprint="f",
                stage="mix",
                key=artifact,
                size_bytes=1,
                facts={},
                job_id=job_id,
                lease_token=new_id(),
            )
        )
    assert person.delete(f"/videos/{video_id}").status_code == 204
    assert code(person.get(f"/videos/{video_id}")) == (404, "not_found")
    assert code(person.delete(f"/videos/{video_id}")) == (404, "not_found")
    assert [item["video_id"] for item in (person.get("/videos").json or {})["items"]] == [str(kept)]
    assert counts(engine) == [2, 0, 0, 0, 0]
    assert keys(settings) == {original_key(kept), thumbnail_key(kept)}
    assert purged(engine, settings) == 0  # the URL that was signed for it may still bring an object
    with transaction(engine) as session:
        session.execute(update(Video).values(uploaded_at=func.now() - timedelta(hours=2)))
    storage.put(original_key(video_id), b"late", "video/mp4")
    assert purged(engine, settings) == 1
    assert counts(engine) == [1, 0, 0, 0, 0]
    assert keys(settings) == {original_key(kept), thumbnail_key(kept)}


def counts(engine: Engine) -> list[int]:
    with transaction(engine) as session:
        models = (Video, Job, Dub, Result, Artifact)
        return [session.scalar(select(func.count()).select_from(model)) or 0 for model in models]


def purged(engine: Engine, settings: Settings) -> int:
    return deletion.purge(engine, Storage(settings), Multipart(settings), settings)


def test_delete_cancels_what_waits_and_purges_at_once(
    person: Person, media: Path, engine: Engine, settings: Settings
) -> None:
    video_id = UUID(person.ready(media / "clip.mp4"))
    a_job(engine, "es", video_id=video_id)
    assert person.delete(f"/videos/{video_id}").status_code == 204
    assert keys(settings) == set()
    assert counts(engine)[1:] == [0, 0, 0, 0]


def test_delete_cancels_what_runs_and_purges_when_it_has_ended(
    person: Person, media: Path, engine: Engine, settings: Settings
) -> None:
    video_id = UUID(person.ready(media / "clip.mp4"))
    job_id = a_job(engine, "es", video_id=video_id)
    with transaction(engine) as session:
        held = leases.claim(session, job_id, settings)
        session.execute(update(Video).values(uploaded_at=func.now() - timedelta(hours=2)))
    assert held
    assert person.delete(f"/videos/{video_id}").status_code == 204
    assert code(person.get(f"/videos/{video_id}")) == (404, "not_found")
    assert purged(engine, settings) == 0
    assert original_key(video_id) in keys(settings)
    with transaction(engine) as session:
        assert jobs.cancel_asked(session, held)
        assert jobs.cancel_claimed(session, held, settings)
        assert session.get_one(Job, job_id).deleted_at
    assert purged(engine, settings) == 1
    assert counts(engine) == [0, 0, 0, 0, 0]
    assert keys(settings) == set()


def test_delete_does_not_wait_for_a_worker_that_writes(
    person: Person, media: Path, engine: Engine, settings: Settings
) -> None:
    """The worker holds its job and then needs the video's key for the artifact; the deletion holds the video first."""
    video_id = UUID(person.ready(media / "clip.mp4"))
    job_id = a_job(engine, "es", video_id=video_id)
    with transaction(engine) as session:
        held = leases.claim(session, job_id, settings)
    assert held
    with transaction(engine) as session:
        leases.lock(session, held)
        answers: list[int] = []
        thread = threading.Thread(target=lambda: answers.append(person.delete(f"/videos/{video_id}").status_code))
        thread.start()
        until_waiting(engine)
        made = {"fingerprint": "f", "stage": "mix", "key": "k", "size_bytes": 1, "facts": {}}
        session.add(Artifact(video_id=video_id, job_id=job_id, lease_token=held.lease_token, **made))
        session.flush()
    thread.join(60)
    assert answers == [204]


def until_waiting(engine: Engine) -> None:
    waiting = text(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        until(lambda: connection.scalar(waiting), 60, "somebody who waits")


def test_a_purge_that_cannot_reach_the_store_is_done_later(
    person: Person, media: Path, engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    video_id = person.ready(media / "clip.mp4")

    def away(_self: Storage, _prefix: str) -> int:
        raise TransientError("storage_unavailable", "Away.")

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "delete_prefix", away)
        assert person.delete(f"/videos/{video_id}").status_code == 204
    assert code(person.get(f"/videos/{video_id}")) == (404, "not_found")
    assert len(keys(settings)) == 2
    with transaction(engine) as session:
        session.execute(update(Video).values(deleted_at=func.now() - timedelta(hours=2)))
    assert purged(engine, settings) == 1
    assert keys(settings) == set()
