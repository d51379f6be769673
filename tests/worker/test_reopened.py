"""What a job that goes on in another round, or ends as it is canceled, leaves in the database."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from shared.db import transaction
from shared.dubbing import dubs, jobs, leases, orders, rounds
from shared.errors import LeaseLostError
from shared.models import Job, Video
from shared.storage import Storage
from shared.videos import retention
from tests.factories import a_job, a_video


def claimed(engine, job_id, settings):
    with transaction(engine) as session:
        held = leases.claim(session, job_id, settings)
        assert held
    return held


def test_the_error_shown_is_that_of_the_last_round(engine, settings):
    job_id = a_job(engine, "es")
    with transaction(engine) as session:
        jobs.request_cancel(session, job_id)
        jobs.settle(session, job_id, settings)
    with transaction(engine) as session:
        job = session.get_one(Job, job_id)
        rounds.add(session, job, [rounds.NewDub("ca")])
        rounds.reopen(session, job)
    held = claimed(engine, job_id, settings)
    with transaction(engine) as session:
        dubs.fail(session, held, "ca", ("translation_too_long", "It does not fit."))
        jobs.finish(session, held, settings)
    with transaction(engine) as session:
        job = session.get_one(Job, job_id)
        assert (job.status, job.error_code) == ("FAILED", "translation_too_long")


def test_a_canceled_job_does_not_fail(engine, settings):
    job_id = a_job(engine, "es")
    held = claimed(engine, job_id, settings)
    with transaction(engine) as session:
        assert jobs.request_cancel(session, job_id)
    with pytest.raises(LeaseLostError), transaction(engine) as session:
        jobs.fail(session, held, ("a", "A."), settings)
    with transaction(engine) as session:
        assert jobs.cancel_claimed(session, held, settings)
    with transaction(engine) as session:
        assert session.get_one(Job, job_id).status == "CANCELED"


def test_a_ready_job_that_nobody_runs_is_canceled_and_can_still_be_completed(engine, settings):
    """All languages were ready when trouble kept the worker from ending the job."""
    job_id = a_job(engine, "es")
    held = claimed(engine, job_id, settings)
    with transaction(engine) as session:
        dubs.finish(session, held, "es", "s3://b/es/", [])
        jobs.postpone(session, held, ("a", "A."), settings)
    with transaction(engine) as session:
        assert jobs.request_cancel(session, job_id)
        assert jobs.settle(session, job_id, settings) == "CANCELED"
        user_id = session.get_one(Job, job_id).user_id
    with transaction(engine) as session:
        orders.retry(session, settings, user_id, job_id)
    held = claimed(engine, job_id, settings)
    with transaction(engine) as session:
        assert jobs.finish(session, held, settings) == "COMPLETED"


def test_a_lapsed_job_is_woken_before_a_crowd(engine, settings):
    video_id = a_video(engine)
    crowd = [a_job(engine, "es", video_id=video_id) for _ in range(30)]
    lapsed = a_job(engine, "es", video_id=video_id)
    claimed(engine, lapsed, settings)
    with transaction(engine) as session:
        session.execute(update(Job).where(Job.job_id == lapsed).values(lease_until=func.now() - timedelta(seconds=1)))
        assert leases.due_for_wake(session, settings, limit=len(crowd) // 2)[0] == lapsed


def test_a_video_whose_job_just_ended_is_kept_with_its_results(engine, settings):
    video_id = a_video(engine)
    job_id = a_job(engine, "es", video_id=video_id)
    held = claimed(engine, job_id, settings)
    with transaction(engine) as session:
        dubs.finish(session, held, "es", "s3://b/es/", [])
        jobs.finish(session, held, settings)
        session.execute(update(Video).values(expires_at=func.now() - timedelta(days=1)))
    retention.expire_videos(engine)
    retention.expire_results(engine, Storage(settings))
    with transaction(engine) as session:
        video, job = session.get_one(Video, video_id), session.get_one(Job, job_id)
        assert video.deleted_at is None
        assert video.expires_at == job.expires_at
