"""What the daemon is told: 200 once the database knows what happens next, anything else brings the message again."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, text

from shared.db import transaction
from shared.dubbing import jobs, leases
from shared.maintenance import Task
from shared.queue import Queue, Wake
from tests.factories import a_job, a_video
from tests.worker.test_jobs import row, set_row
from worker import scratch
from worker.app import create_app
from worker.supervisor import Supervisor

LOOPBACK = {"REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture
def supervisor(settings, engine):
    return Supervisor(settings, engine, Queue(settings))


@pytest.fixture
def client(settings, engine, supervisor):
    ran = []
    app = create_app(settings, engine, supervisor, [Task("count", 3600, lambda: ran.append(1))])
    app.config["RAN"] = ran
    return app.test_client()


def test_an_unknown_or_finished_job_is_nothing_to_do(supervisor, engine, settings):
    assert supervisor.handle(uuid4()).status == 200
    job_id = a_job(engine)
    with transaction(engine) as session:
        held = leases.claim(session, job_id, settings)
        assert held is not None
        jobs.fail(session, held, ("a", "b"), settings)
    assert supervisor.handle(job_id).status == 200
    assert row(engine, job_id).attempt == 1


def test_a_job_that_is_not_due_or_is_held_is_nothing_to_do(supervisor, engine, settings):
    later, held = a_job(engine), a_job(engine)
    set_row(engine, later, not_before=func.now() + timedelta(hours=1))
    with transaction(engine) as session:
        leases.claim(session, held, settings)
    assert [supervisor.handle(job_id).status for job_id in (later, held)] == [200, 200]


def test_a_canceled_job_is_settled_without_running(supervisor, engine):
    job_id = a_job(engine)
    set_row(engine, job_id, cancel_requested_at=func.now())
    assert supervisor.handle(job_id).status == 200
    assert row(engine, job_id).status == "CANCELED"


def test_too_little_disk_is_said_before_claiming(supervisor, engine, settings):
    free, _ = scratch.room_bytes(settings)
    job_id = a_job(engine, video_id=a_video(engine, size_bytes=free // scratch.ORIGINALS + 1))
    answer = supervisor.handle(job_id)
    assert (answer.status, answer.reason) == (503, "too little disk")
    assert (row(engine, job_id).status, row(engine, job_id).attempt) == ("PENDING", 0)


def test_the_disk_a_job_needs_grows_with_size_and_length(settings):
    assert scratch.needed_bytes(10**9, 3600) > scratch.needed_bytes(10**9, 60) > 3 * 10**9


def test_a_job_larger_than_the_disk_fails_instead_of_waiting_for_ever(supervisor, engine):
    job_id = a_job(engine, video_id=a_video(engine, size_bytes=10**15))
    assert supervisor.handle(job_id).status == 200
    assert (row(engine, job_id).status, row(engine, job_id).error_code) == ("FAILED", "too_large_for_worker")


def test_a_draining_worker_takes_nothing(supervisor, engine):
    job_id = a_job(engine)
    supervisor.drain()
    assert supervisor.handle(job_id).status == 503
    assert row(engine, job_id).status == "PENDING"


def test_a_schema_behind_the_code_is_waited_for(supervisor, engine):
    job_id = a_job(engine)
    with transaction(engine) as session:
        session.execute(text("delete from alembic_version"))
    assert supervisor.handle(job_id).status == 503


def test_a_schema_ahead_of_the_code_is_fine(supervisor, engine):
    """Migrations expand first: a database that a newer release migrated serves this one."""
    with transaction(engine) as session:
        session.execute(text("update alembic_version set version_num = 'from-tomorrow'"))
    assert supervisor.handle(uuid4()).status == 200


def test_a_database_that_is_away_is_503(make_settings):
    settings = make_settings(database_url="postgresql+psycopg://nobody@127.0.0.1:9/none")
    from shared.db import make_engine

    away = make_engine(settings)
    app = create_app(settings, away, Supervisor(settings, away, Queue(settings)), [])
    answer = app.test_client().post("/sqsd/messages", data=Wake(uuid4()).to_json(), environ_overrides=LOOPBACK)
    assert answer.status_code == 503


@pytest.mark.parametrize("body", ["", "{}", "nonsense", '{"kind": "dub"}'])
def test_an_unreadable_message_is_400(client, body):
    assert client.post("/sqsd/messages", data=body, environ_overrides=LOOPBACK).status_code == 400


def test_only_loopback_is_answered(client):
    for path in ("/health", "/health/ready"):
        assert client.get(path, environ_overrides={"REMOTE_ADDR": "10.0.0.7"}).status_code == 403
    assert client.post("/sqsd/messages", environ_overrides={"REMOTE_ADDR": "192.0.2.1"}).status_code == 403


def test_health_needs_nothing_and_readiness_looks_around(client):
    assert client.get("/health", environ_overrides=LOOPBACK).status_code == 200
    ready = client.get("/health/ready", environ_overrides=LOOPBACK)
    assert ready.status_code == 200
    assert {"database", "bucket", "queue", "disk", "memory"} <= set(ready.get_json())


def test_a_task_runs_once_a_period_and_an_unknown_one_is_404(client):
    answers = [client.post("/sqsd/tasks/count", environ_overrides=LOOPBACK) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert client.application.config["RAN"] == [1]
    assert client.post("/sqsd/tasks/nothing", environ_overrides=LOOPBACK).status_code == 404


def test_scratch_keeps_what_a_live_lease_owns(settings, engine):
    job_id = a_job(engine)
    with transaction(engine) as session:
        held = leases.claim(session, job_id, settings)
    assert held is not None
    live, dead = scratch.directory(settings, held.lease_token), scratch.directory(settings, uuid4())
    for directory in (live, dead):
        directory.mkdir(parents=True)
        (directory / "file").write_bytes(b"x")
    assert scratch.empty(settings, engine) == 1
    assert live.exists()
    assert not dead.exists()


def test_all_slots_busy_is_said_before_claiming(make_settings, engine, monkeypatch):
    settings = make_settings(job_slots=1)
    supervisor = Supervisor(settings, engine, Queue(settings))
    first, second, gate, entered = a_job(engine), a_job(engine), threading.Event(), threading.Event()

    def busy(_job_id):
        entered.set()
        gate.wait(60)

    monkeypatch.setattr(supervisor, "_run", busy)
    running = threading.Thread(target=supervisor.handle, args=(first,))
    running.start()
    assert entered.wait(60)
    assert supervisor.handle(second).status == 503
    gate.set()
    running.join()
    assert row(engine, second).status == "PENDING"
