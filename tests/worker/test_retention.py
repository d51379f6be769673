"""What is kept for how long, over a real database and bucket; rows are made old, nothing waits."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text, update

from shared.db import transaction
from shared.dubbing import jobs
from shared.errors import AppError, TransientError
from shared.maintenance import run_once, tasks
from shared.models import (
    Artifact,
    IdempotencyKey,
    Import,
    Job,
    Result,
    Video,
    WebhookDelivery,
    new_id,
)
from shared.multipart import Multipart, UploadGoneError
from shared.queue import Queue
from shared.storage import Storage, artifact_key, original_key, results_prefix, thumbnail_key
from shared.videos import deletion, imports, leftovers, library, retention
from shared.videos.arrival import examined
from tests.factories import a_job, a_user, a_video
from tests.media import a_clip

AGO = timedelta(days=100)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture
def storage(settings):
    return Storage(settings)


@pytest.fixture
def multipart(settings):
    return Multipart(settings)


def row(engine, model, key):
    with transaction(engine) as session:
        return session.get(model, key)


def aged(engine, model, **values):
    with transaction(engine) as session:
        session.execute(update(model).values(**values))


def count(engine, model):
    with transaction(engine) as session:
        return session.scalar(select(func.count()).select_from(model))


def waiting(engine, **values):
    video_id = a_video(engine, status="AWAITING_UPLOAD", etag=None, duration_seconds=None, has_video=None, **values)
    aged(engine, Video, created_at=func.now() - AGO)
    return video_id


def expire_uploads(engine, settings):
    return retention.expire_uploads(engine, Storage(settings), Multipart(settings), settings)


def test_an_upload_that_never_came_is_rejected_once(engine, settings):
    late = waiting(engine)
    fresh = a_video(engine, status="AWAITING_UPLOAD")
    assert expire_uploads(engine, settings) == 1
    assert expire_uploads(engine, settings) == 0
    video = row(engine, Video, late)
    assert (video.status, video.rejection_code) == ("REJECTED", "upload_expired")
    assert video.expires_at
    assert row(engine, Video, fresh).status == "AWAITING_UPLOAD"


def test_a_late_upload_in_parts_is_aborted(engine, settings, multipart):
    video_id = new_id()
    upload_id = multipart.begin(original_key(video_id), "video/mp4")
    multipart.put_part(original_key(video_id), upload_id, 1, b"x")
    waiting(engine, video_id=video_id, upload_id=upload_id, part_size=5_242_880)
    assert expire_uploads(engine, settings) == 1
    with pytest.raises(UploadGoneError):
        multipart.parts(original_key(video_id), upload_id)
    assert row(engine, Video, video_id).rejection_code == "upload_expired"


def test_uploads_that_no_video_waits_for_are_aborted(engine, settings, multipart):
    """moto says that each upload was begun long ago."""
    kept, rejected, nobody = new_id(), new_id(), new_id()
    named = {video_id: multipart.begin(original_key(video_id), "video/mp4") for video_id in (kept, rejected, nobody)}
    artifact = multipart.begin("artifacts/x/y/z", "audio/flac")
    a_video(engine, video_id=kept, upload_id=named[kept], status="AWAITING_UPLOAD")
    a_video(engine, video_id=rejected, upload_id=named[rejected], status="REJECTED")
    assert retention.abort_orphans(engine, multipart, settings) == 3
    assert multipart.parts(original_key(kept), named[kept]) == []
    for key, upload_id in ((original_key(rejected), named[rejected]), ("artifacts/x/y/z", artifact)):
        with pytest.raises(UploadGoneError):
            multipart.parts(key, upload_id)


def test_what_came_without_a_word_is_examined(engine, settings, storage, clip):
    size = clip.stat().st_size
    came, odd = waiting(engine, size_bytes=size), waiting(engine, size_bytes=size + 1)
    for video_id in (came, odd):
        storage.upload(clip, original_key(video_id), "video/mp4")
    assert expire_uploads(engine, settings) == 2
    assert row(engine, Video, came).status == "READY"
    assert row(engine, Video, odd).rejection_code == "size_mismatch"


def test_one_upload_in_trouble_holds_up_no_other(engine, settings, monkeypatch):
    ids = [waiting(engine) for _ in range(3)]
    head = Storage.head

    def shaky(self, key):
        if key == original_key(ids[0]):
            raise TransientError("storage_unavailable", "Away.")
        return head(self, key)

    monkeypatch.setattr(Storage, "head", shaky)
    assert expire_uploads(engine, settings) == 2
    assert row(engine, Video, ids[0]).status == "AWAITING_UPLOAD"


def imported(engine, **values):
    return a_video(engine, status="IMPORTING", **{"size_bytes": None, "etag": None, "duration_seconds": None, **values})


def test_an_import_gets_its_real_size(engine, settings, storage, clip):
    video_id = imported(engine)
    storage.upload(clip, original_key(video_id), "video/mp4")
    video = examined(lambda: transaction(engine), storage, settings, video_id)
    assert (video.status, video.size_bytes) == ("READY", clip.stat().st_size)


@pytest.mark.parametrize(("content", "code"), [(b"", "empty_upload"), (b"x" * 2000, "too_large"), (b"x", "not_media")])
def test_an_import_is_rejected_with_the_same_codes(engine, make_settings, content, code):
    settings = make_settings(max_upload_bytes=1000)
    storage, video_id = Storage(settings), imported(engine)
    storage.put(original_key(video_id), content, "video/mp4")
    video = examined(lambda: transaction(engine), storage, settings, video_id)
    assert (video.status, video.rejection_code) == ("REJECTED", code)


def test_who_lost_the_import_records_nothing(engine, settings, storage, clip):
    video_id = imported(engine)
    storage.upload(clip, original_key(video_id), "video/mp4")
    held = select(Import.video_id).where(Import.video_id == video_id).exists()
    video = examined(lambda: transaction(engine), storage, settings, video_id, fence=[held])
    assert video.status == "IMPORTING"


def test_a_deleted_video_is_not_examined(engine, settings, storage, clip):
    video_id = imported(engine)
    storage.upload(clip, original_key(video_id), "video/mp4")
    aged(engine, Video, deleted_at=func.now())
    with pytest.raises(AppError) as caught:
        examined(lambda: transaction(engine), storage, settings, video_id)
    assert caught.value.code == "not_found"


def test_deleting_a_video_ends_its_import(engine, settings):
    user_id = a_user(engine)
    video_id = imported(engine, user_id=user_id)
    with transaction(engine) as session:
        session.add(Import(video_id=video_id, url="https://example.org/a.mp4"))
    with transaction(engine) as session:
        assert deletion.hide(session, settings, user_id, video_id)
    with transaction(engine) as session:
        imports.settle(session, settings)
        assert imports.claim(session, settings) is None
    assert count(engine, Import) == 0
    with transaction(engine) as session, pytest.raises(AppError):
        library.find(session, user_id, video_id)


def finished(engine, storage, video_id=None, **values):
    """A COMPLETED job with a result and its object."""
    values = {"status": "COMPLETED", "expires_at": func.now() - timedelta(hours=1), **values}
    job_id = a_job(engine, "es", video_id=video_id, **values)
    key = f"{results_prefix(job_id)}es/dubbed.mp4"
    storage.put(key, b"x", "video/mp4")
    with transaction(engine) as session:
        job = session.get_one(Job, job_id)
        job.result_s3_path = job.dubs[0].result_s3_path = storage.path(results_prefix(job_id))
        facts = {"language": "es", "kind": "dubbed_video", "filename": "x.mp4", "content_type": "video/mp4"}
        session.add(Result(job_id=job_id, key=key, size_bytes=1, **facts))
    return job_id


def test_results_go_and_the_job_stays_as_history(engine, storage):
    gone = finished(engine, storage)
    kept = finished(engine, storage, expires_at=func.now() + timedelta(days=1))
    live = finished(engine, storage, status="PENDING")
    assert retention.expire_results(engine, storage) == 1
    assert retention.expire_results(engine, storage) == 0
    job = row(engine, Job, gone)
    assert (job.status, job.result_s3_path, job.dubs[0].result_s3_path) == ("COMPLETED", None, None)
    assert storage.keys("results/") == {f"{results_prefix(job_id)}es/dubbed.mp4" for job_id in (kept, live)}
    assert count(engine, Result) == 2


def test_a_store_that_is_away_leaves_the_rows(engine, storage, monkeypatch):
    job_id = finished(engine, storage)

    def away(_self, _prefix):
        raise TransientError("storage_unavailable", "Away.")

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "delete_prefix", away)
        with pytest.raises(TransientError):
            retention.expire_results(engine, storage)
    assert row(engine, Job, job_id).result_s3_path
    assert retention.expire_results(engine, storage) == 1
    assert storage.keys("results/") == frozenset()


def expired_video(engine):
    return a_video(engine, expires_at=func.now() - timedelta(hours=1))


def test_a_video_past_its_time_is_hidden_and_purged(engine, settings, storage, multipart):
    video_id = expired_video(engine)
    other = a_video(engine, expires_at=func.now() + timedelta(days=1))
    job_id = finished(engine, storage, video_id=video_id)
    storage.put(original_key(video_id), b"x", "video/mp4")
    assert retention.retain(engine, storage, settings)["videos"] == 1
    assert row(engine, Video, video_id).deleted_at
    assert row(engine, Job, job_id).deleted_at
    aged(engine, Video, uploaded_at=func.now() - AGO)
    assert deletion.purge(engine, storage, multipart, settings) == 1
    assert storage.keys("") == frozenset()
    assert row(engine, Video, video_id) is None
    assert row(engine, Video, other)


def test_a_video_lives_as_long_as_a_job_of_it(engine, storage):
    video_id = expired_video(engine)
    job_id = a_job(engine, video_id=video_id)
    assert retention.expire_videos(engine) == 0
    later = func.now() + timedelta(days=5)
    with transaction(engine) as session:
        session.execute(update(Job).values(status="COMPLETED", expires_at=later))
    assert retention.expire_videos(engine) == 0
    assert row(engine, Video, video_id).expires_at == row(engine, Job, job_id).expires_at
    aged(engine, Job, expires_at=func.now() - timedelta(hours=1))
    aged(engine, Video, expires_at=func.now() - timedelta(hours=1))
    assert retention.expire_videos(engine) == 1


def test_an_order_that_comes_in_between_keeps_its_video(engine):
    """The video was selected, then a job came: what is read behind the lock counts."""
    video_id = expired_video(engine)
    unneeded = ~select(Job.job_id).where(Job.video_id == Video.id, Job.status == "PENDING").exists()
    a_job(engine, video_id=video_id)
    with transaction(engine) as session:
        assert retention._hide_unneeded(session, [video_id], unneeded) == 0
    assert row(engine, Video, video_id).deleted_at is None


def an_artifact(engine, storage, video_id, fingerprint="f"):
    key = artifact_key(video_id, fingerprint, new_id())
    storage.put(key, b"x", "audio/flac")
    facts = {"stage": "mix", "size_bytes": 1, "facts": {}, "job_id": new_id(), "lease_token": new_id()}
    with transaction(engine) as session:
        session.add(Artifact(video_id=video_id, fingerprint=fingerprint, key=key, **facts))
    return key


def test_old_artifacts_go_but_not_under_a_live_job(engine, settings, storage, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    idle, busy = a_video(engine), a_video(engine)
    for number in range(5):
        an_artifact(engine, storage, idle, f"f{number}")
    kept = an_artifact(engine, storage, busy)
    a_job(engine, video_id=busy)
    aged(engine, Artifact, created_at=func.now() - AGO)
    young = an_artifact(engine, storage, idle, "young")
    assert retention.expire_artifacts(engine, storage, settings) == 5
    assert storage.keys("artifacts/") == {kept, young}
    assert count(engine, Artifact) == 2


def test_objects_that_no_row_speaks_of_are_swept(engine, settings, storage):
    """Those of a crash, of a lost lease and of a late PUT; what a row names stays, and so does what is not ours."""
    video_id, gone = a_video(engine), new_id()
    kept = {original_key(video_id), thumbnail_key(video_id), "originals/notes.txt", "artifacts/notes.txt", "other/x"}
    for key in kept:
        storage.put(key, b"x", "text/plain")
    kept |= {an_artifact(engine, storage, video_id), f"{results_prefix(finished(engine, storage))}es/dubbed.mp4"}
    lost = {
        artifact_key(video_id, "f", new_id()),
        artifact_key(gone, "f", new_id()),
        f"{results_prefix(a_job(engine))}es/{new_id()}/dubbed.mp4",
        original_key(gone),
        thumbnail_key(gone),
    }
    for key in lost:
        storage.put(key, b"x", "video/mp4")
    assert leftovers.sweep(engine, storage) == 0  # young: a job may be about to record it
    assert storage.keys("") == kept | lost
    assert leftovers.sweep(engine, storage, timedelta(minutes=-5)) == len(lost)
    assert storage.keys("") == kept


def test_keys_and_deliveries_are_forgotten(engine, settings, storage, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    user_id = a_user(engine)
    with transaction(engine) as session:
        for number in range(5):
            session.add(IdempotencyKey(user_id=user_id, route="r", key=str(number), request_hash="h"))
        for status in ("DELIVERED", "FAILED", "PENDING"):
            told = {"job_id": new_id(), "event": "e", "url": "https://example.org", "body": "{}"}
            session.add(WebhookDelivery(user_id=user_id, status=status, **told))
    outcome = retention.retain(engine, storage, settings)
    assert (outcome["idempotency_keys"], outcome["webhook_deliveries"]) == (0, 0)
    for model in (IdempotencyKey, WebhookDelivery):
        aged(engine, model, created_at=func.now() - AGO)
    outcome = retention.retain(engine, storage, settings)
    assert (outcome["idempotency_keys"], outcome["webhook_deliveries"]) == (5, 2)
    assert count(engine, WebhookDelivery) == 1


def test_a_purge_goes_on_behind_one_in_trouble(engine, settings, storage, multipart, monkeypatch):
    monkeypatch.setattr(deletion, "BATCH", 2)
    ids = [a_video(engine, uploaded_at=func.now() - AGO, deleted_at=func.now() - AGO) for _ in range(5)]
    delete_prefix = Storage.delete_prefix

    def shaky(self, prefix):
        if prefix == original_key(ids[1]):
            raise TransientError("storage_unavailable", "Away.")
        return delete_prefix(self, prefix)

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "delete_prefix", shaky)
        assert deletion.purge(engine, storage, multipart, settings) == 4
    assert row(engine, Video, ids[1])
    assert deletion.purge(engine, storage, multipart, settings) == 1


def test_a_purge_waits_for_the_last_live_job(engine, settings, storage, multipart):
    video_id = a_video(engine, uploaded_at=func.now() - AGO, deleted_at=func.now() - AGO)
    job_id = a_job(engine, video_id=video_id, deleted_at=func.now() - AGO)
    assert deletion.purge(engine, storage, multipart, settings) == 0
    with transaction(engine) as session:
        jobs.request_cancel(session, job_id)
        jobs.settle(session, job_id, settings)
    assert deletion.purge(engine, storage, multipart, settings) == 1


def test_nothing_is_read_from_the_store_in_a_transaction(engine, settings, storage, multipart, monkeypatch):
    open_ones = []

    def watched(method):
        def call(self, *arguments):
            idle = (
                "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in t%'"
            )
            with engine.connect() as connection:
                open_ones.append(connection.scalar(text(idle)))
            return method(self, *arguments)

        return call

    for name in ("head", "delete", "delete_prefix"):
        monkeypatch.setattr(Storage, name, watched(getattr(Storage, name)))
    waiting(engine)
    video_id = expired_video(engine)
    finished(engine, storage, video_id=video_id)
    an_artifact(engine, storage, video_id)
    aged(engine, Artifact, created_at=func.now() - AGO)
    expire_uploads(engine, settings)
    retention.retain(engine, storage, settings)
    aged(engine, Video, deleted_at=func.now() - AGO)
    deletion.purge(engine, storage, multipart, settings)
    assert len(open_ones) > 5
    assert set(open_ones) == {0}


def test_the_tasks_are_named_and_run(engine, settings):
    named = {task.name: task for task in tasks(engine, Queue(settings), settings)}
    assert set(named) == {"sweep", "purge", "uploads", "orphans", "retention", "housekeeping"}
    for name in ("purge", "uploads", "orphans", "retention"):
        assert run_once(engine, named[name])


def test_the_sweeps_read_indexes(engine, settings, storage, multipart):
    """Twenty thousand rows that are of no interest cost nothing."""
    user_id = a_user(engine)
    with transaction(engine) as session:
        session.execute(text(VIDEOS), {"user_id": user_id})
        session.execute(text(JOBS))
        session.execute(text("analyze"))
    selects = []

    def note(_connection, _cursor, statement, parameters, *_):
        if statement.startswith(("SELECT", "UPDATE")) and (" videos" in statement or " jobs" in statement):
            selects.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    expire_uploads(engine, settings)
    retention.retain(engine, storage, settings)
    deletion.purge(engine, storage, multipart, settings)
    event.remove(engine, "before_cursor_execute", note)
    assert len(selects) >= 5
    with engine.connect() as connection:
        for statement, parameters in selects:
            plan = "\n".join(connection.exec_driver_sql(f"explain {statement}", parameters).scalars())
            assert "Seq Scan on videos" not in plan, plan
            assert "Seq Scan on jobs" not in plan, plan


VIDEOS = """
    insert into videos (id, user_id, status, title, filename, content_type, size_bytes, has_thumbnail, uploaded_at,
                        expires_at)
    select gen_random_uuid(), :user_id, 'READY', 't', 'f', 'video/mp4', 1, false, now(), now() + interval '9 days'
    from generate_series(1, 10000)
"""
JOBS = """
    insert into jobs (job_id, user_id, video_id, status, progress, original_s3_path, result_s3_path, wakes, attempt,
                      crashes, transient_failures, expires_at)
    select gen_random_uuid(), user_id, id, 'COMPLETED', 1, 's3://b/o', 's3://b/r', 0, 1, 0, 0, expires_at from videos
"""
