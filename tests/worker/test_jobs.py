"""A job's life, step by step, in the real database."""

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from shared.config import Settings
from shared.db import transaction
from shared.dubbing import dubs, jobs, leases
from shared.dubbing.state import Status
from shared.errors import LeaseLostError
from shared.models import Dub, Job
from tests.factories import a_job

QUICK = {"lease_seconds": 100.0, "backoff_seconds": 60.0}


def row(engine, job_id) -> Job:
    with transaction(engine) as session:
        return session.get_one(Job, job_id)


def set_row(engine, job_id, **values):
    with transaction(engine) as session:
        session.execute(update(Job).where(Job.job_id == job_id).values(**values))


def lapse(engine, job_id):
    set_row(engine, job_id, lease_until=func.now() - timedelta(seconds=1))


def claimed(engine, settings, *languages, **values):
    job_id = a_job(engine, *languages, **values)
    with transaction(engine) as session:
        held = leases.claim(session, job_id, settings)
    assert held is not None
    return held


def test_a_claim_takes_a_due_job_once(engine, settings):
    job_id = a_job(engine)
    with transaction(engine) as session:
        first = leases.claim(session, job_id, settings)
    with transaction(engine) as session:
        second = leases.claim(session, job_id, settings)
    assert first is not None
    assert second is None
    job = row(engine, job_id)
    assert (job.status, job.attempt, job.crashes, job.lease_token) == ("PROCESSING", 1, 0, first.lease_token)


def test_a_job_that_is_not_due_is_not_claimed(engine, settings):
    job_id = a_job(engine)
    set_row(engine, job_id, not_before=func.now() + timedelta(minutes=1))
    with transaction(engine) as session:
        assert leases.claim(session, job_id, settings) is None


def test_ten_claims_at_once_give_one_lease(engine, settings):
    job_id, taken, gate = a_job(engine), [], threading.Barrier(10)

    def take():
        gate.wait()
        with transaction(engine) as session:
            taken.append(leases.claim(session, job_id, settings))

    threads = [threading.Thread(target=take) for _ in range(10)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sum(lease is not None for lease in taken) == 1


def test_a_lapsed_lease_is_taken_over_and_counted_as_a_crash(engine, settings):
    old = claimed(engine, settings)
    lapse(engine, old.job_id)
    with transaction(engine) as session:
        new = leases.claim(session, old.job_id, settings)
    assert new is not None
    assert row(engine, old.job_id).crashes == 1
    with transaction(engine) as session:
        assert not leases.renew(session, old, settings)
    with pytest.raises(LeaseLostError), transaction(engine) as session:
        jobs.report(session, old, stage="mix", progress=0.5)


def test_the_crash_allowance_ends_in_gave_up(engine, settings):
    held = claimed(engine, settings)
    set_row(engine, held.job_id, crashes=settings.max_crashes)
    lapse(engine, held.job_id)
    with transaction(engine) as session:
        assert jobs.settle(session, held.job_id, settings) is Status.FAILED
    job = row(engine, held.job_id)
    assert (job.status, job.error_code, job.dubs[0].status, job.dubs[0].error_code) == (
        "FAILED",
        "gave_up",
        "FAILED",
        "gave_up",
    )


def test_a_cancel_settles_what_nobody_runs(engine, settings):
    pending, lapsed, running = a_job(engine), claimed(engine, settings).job_id, claimed(engine, settings).job_id
    lapse(engine, lapsed)
    for job_id in (pending, lapsed, running):
        set_row(engine, job_id, cancel_requested_at=func.now())
    ends = []
    for job_id in (pending, lapsed, running):
        with transaction(engine) as session:
            ends.append(jobs.settle(session, job_id, settings))
    assert ends == [Status.CANCELED, Status.CANCELED, None]


def test_a_finish_is_refused_once_cancel_was_asked(engine, settings):
    held = claimed(engine, settings)
    with transaction(engine) as session:
        dubs.finish(session, held, "es", "s3://b/results/", [])
    set_row(engine, held.job_id, cancel_requested_at=func.now())
    with pytest.raises(LeaseLostError), transaction(engine) as session:
        jobs.finish(session, held, settings)
    assert row(engine, held.job_id).status == "PROCESSING"


def test_one_language_that_succeeds_completes_the_job(engine, settings):
    held = claimed(engine, settings, "es", "ca")
    with transaction(engine) as session:
        dubs.start(session, held, "es")
        dubs.fail(session, held, "es", ("translation_too_long", "No."))
        dubs.finish(session, held, "ca", "s3://b/results/ca/", [])
        assert jobs.finish(session, held, settings) is Status.COMPLETED
    job = row(engine, held.job_id)
    assert [dub.status for dub in job.dubs] == ["FAILED", "COMPLETED"]
    assert job.result_s3_path == f"s3://bucket/results/{held.job_id}/"
    assert job.expires_at is not None
    assert job.error_code is None


def test_a_job_whose_languages_all_fail_fails_with_the_first_error(engine, settings):
    held = claimed(engine, settings, "es", "ca")
    with transaction(engine) as session:
        dubs.fail(session, held, "es", ("one", "One."))
        dubs.fail(session, held, "ca", ("two", "Two."))
        assert jobs.finish(session, held, settings) is Status.FAILED
    assert row(engine, held.job_id).error_code == "one"


def test_letting_go_counts_nothing(engine, settings):
    held = claimed(engine, settings)
    with transaction(engine) as session:
        dubs.start(session, held, "es")
        assert leases.let_go(session, held)
    job = row(engine, held.job_id)
    assert (job.status, job.transient_failures, job.crashes, job.wake_sent_at, job.lease_token) == (
        "PENDING",
        0,
        0,
        None,
        None,
    )
    assert job.dubs[0].status == "PENDING"


def test_transient_trouble_postpones_and_keeps_its_reason(engine, settings):
    held = claimed(engine, settings)
    with transaction(engine) as session:
        postponed = jobs.postpone(session, held, ("busy", "Busy."), settings, retry_after=100)
    job = row(engine, held.job_id)
    assert postponed.delay_seconds == 100
    assert (job.status, job.transient_failures, job.error_code) == ("PENDING", 1, "busy")
    with transaction(engine) as session:
        seconds = session.scalar(
            select(func.extract("epoch", Job.not_before - func.now())).where(Job.job_id == held.job_id)
        )
    assert 95 < seconds <= 100


def test_it_gives_up_after_the_allowance_and_the_time(engine, settings):
    held = claimed(engine, settings)
    set_row(
        engine,
        held.job_id,
        transient_failures=settings.max_transient_failures - 1,
        first_transient_at=func.now() - timedelta(seconds=settings.give_up_after_seconds - 60),
    )
    with transaction(engine) as session:
        assert jobs.postpone(session, held, ("busy", "Busy."), settings).delay_seconds is not None
    set_row(engine, held.job_id, not_before=func.now(), first_transient_at=func.now() - timedelta(days=1))
    with transaction(engine) as session:
        again = leases.claim(session, held.job_id, settings)
    assert again is not None
    with transaction(engine) as session:
        assert jobs.postpone(session, again, ("busy", "Busy."), settings).delay_seconds is None
    assert row(engine, held.job_id).status == "FAILED"


@given(st.integers(1, 200))
def test_backoff_doubles_up_to_its_cap(failures):
    settings = _defaults()
    delay = jobs.backoff(failures, settings)
    assert settings.backoff_seconds <= delay <= settings.backoff_cap_seconds
    assert jobs.backoff(failures + 1, settings) >= delay


def test_eight_failures_span_two_hours_by_default():
    settings = _defaults()
    waited = sum(jobs.backoff(n, settings) for n in range(1, settings.max_transient_failures))
    assert waited >= settings.give_up_after_seconds


def test_the_sweep_wakes_what_is_due_and_quiet(engine, settings):
    never = a_job(engine)
    just_now, long_ago, later = a_job(engine), a_job(engine), a_job(engine)
    lapsed, held = claimed(engine, settings), claimed(engine, settings)
    set_row(engine, just_now, wake_sent_at=func.now(), wakes=1)
    set_row(engine, long_ago, wake_sent_at=func.now() - timedelta(seconds=settings.resend_seconds + 1), wakes=1)
    set_row(engine, later, not_before=func.now() + timedelta(hours=1))
    lapse(engine, lapsed.job_id)
    with transaction(engine) as session:
        assert set(leases.due_for_wake(session, settings)) == {never, long_ago, lapsed.job_id}
    assert held.job_id not in {never, long_ago, lapsed.job_id}


def test_the_resend_interval_doubles(engine, settings):
    job_id = a_job(engine)
    set_row(engine, job_id, wake_sent_at=func.now() - timedelta(seconds=settings.resend_seconds * 3), wakes=3)
    with transaction(engine) as session:
        assert leases.due_for_wake(session, settings) == []
    set_row(engine, job_id, wake_sent_at=func.now() - timedelta(seconds=settings.resend_seconds * 4 + 1), wakes=3)
    with transaction(engine) as session:
        assert leases.due_for_wake(session, settings) == [job_id]


def test_a_language_that_is_ready_survives_the_end_of_the_others(engine, settings):
    """By failure, by the crash allowance, and by giving up: COMPLETED when at least one language succeeded."""
    ends = []
    for end in ("fail", "crashes", "give up"):
        held = claimed(engine, settings, "es", "ca")
        with transaction(engine) as session:
            dubs.finish(session, held, "es", "s3://b/results/es/", [])
        if end == "crashes":
            set_row(engine, held.job_id, crashes=settings.max_crashes)
            lapse(engine, held.job_id)
        if end == "give up":
            set_row(
                engine,
                held.job_id,
                transient_failures=settings.max_transient_failures,
                first_transient_at=func.now() - timedelta(days=1),
            )
        with transaction(engine) as session:
            if end == "fail":
                jobs.fail(session, held, ("no", "No."), settings)
            elif end == "crashes":
                jobs.settle(session, held.job_id, settings)
            else:
                jobs.postpone(session, held, ("busy", "Busy."), settings)
        job = row(engine, held.job_id)
        ends.append((job.status, [dub.status for dub in job.dubs], bool(job.result_s3_path and job.expires_at)))
    assert ends == [("COMPLETED", ["COMPLETED", "FAILED"], True)] * 3


@pytest.mark.parametrize("wish", [1e13, float("inf"), float("nan"), -5.0])
def test_a_provider_can_not_postpone_a_job_for_ever(engine, settings, wish):
    held = claimed(engine, settings)
    with transaction(engine) as session:
        delay = jobs.postpone(session, held, ("busy", "Busy."), settings, retry_after=wish).delay_seconds
    assert settings.backoff_seconds <= delay <= 6 * 3600


def test_a_stamp_does_not_land_on_a_row_that_a_worker_has_taken(engine, settings):
    held = claimed(engine, settings)
    with transaction(engine) as session:
        leases.stamp_wake(session, held.job_id)
    assert row(engine, held.job_id).wake_sent_at is None


def test_a_zombie_can_neither_finish_nor_fail_a_language(engine, settings):
    old = claimed(engine, settings)
    lapse(engine, old.job_id)
    with transaction(engine) as session:
        leases.claim(session, old.job_id, settings)
    for step in (
        lambda s: dubs.finish(s, old, "es", "s3://b/", []),
        lambda s: dubs.fail(s, old, "es", ("a", "b")),
        lambda s: jobs.fail(s, old, ("a", "b"), settings),
        lambda s: dubs.start(s, old, "es"),
        lambda s: jobs.postpone(s, old, ("a", "b"), settings),
    ):
        with pytest.raises(LeaseLostError), transaction(engine) as session:
            step(session)
    with transaction(engine) as session:
        assert not leases.let_go(session, old)
        assert not jobs.cancel_claimed(session, old, settings)
        assert session.scalar(select(Dub.status).where(Dub.job_id == old.job_id)) == "PENDING"


def _defaults() -> Settings:
    return Settings.model_construct(**{name: field.default for name, field in Settings.model_fields.items()})
