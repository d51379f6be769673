"""Nothing is lost: real processes killed at the worst moments, and the job completes all the same."""

import signal
import threading
import time

import httpx
import psutil
import pytest
from sqlalchemy import func

from shared.queue import Wake
from tests.media import a_clip
from tests.processes import alive, process_name, until
from tests.worker.conftest import Bench

BEGINNINGS = ("fetch", "extract", "separate", "transcribe", "translate", "synthesize", "align", "mix", "mux", "publish")
RECORDINGS = (
    "extract", "transcribe.voice_activity", "transcribe.piece", "translate.batch", "synthesize.line", "align", "mix",
    "mux",
)  # fmt: skip
# Each takes ten seconds: these few at every run, the whole matrix with the long tests.
OFTEN = {("jobs", "transcribe"), ("jobs", "publish"), ("artifacts", "synthesize.line"), ("artifacts", "mix")}
STOPS = [
    pytest.param(*stop, marks=() if stop in OFTEN else pytest.mark.long)
    for stop in [("jobs", stage) for stage in BEGINNINGS] + [("artifacts", stage) for stage in RECORDINGS]
]


def kill_there(bench: Bench, table: str, stage: str, victim: str, number: int = signal.SIGKILL):
    """Kill the HTTP process or the job's child while it stands at `stage`; the job's id and what was recorded."""
    stop = bench.stop_at(table, stage)
    job_id = bench.job()
    stop.reached()
    recorded = {(a.fingerprint, a.lease_token) for a in bench.artifacts()}
    process = bench.worker.http_process() if victim == "worker" else bench.worker.job_processes()[0]
    orphans = bench.worker.kill(process, number)
    until(lambda: not alive([process, *orphans]), 2, "the end of all that the killed process had started")
    stop.release()
    return job_id, recorded


def nothing_made_twice(bench: Bench, recorded: set) -> None:
    """What was recorded before the kill is still the only one of its kind."""
    before = {fingerprint for fingerprint, _ in recorded}
    assert recorded <= {(a.fingerprint, a.lease_token) for a in bench.artifacts()}
    remade = [a.stage for a in bench.artifacts() if a.fingerprint in before and a.stage in bench.made_twice()]
    assert remade == []


@pytest.mark.parametrize(("table", "stage"), STOPS)
def test_a_killed_worker_loses_nothing(start_bench, table, stage):
    """By lease lapse, sweep and a new message; finished stages are not run again."""
    bench = start_bench()
    job_id, recorded = kill_there(bench, table, stage, "worker")
    job = bench.ended(job_id)
    assert (job.status, job.attempt, job.crashes, job.transient_failures) == ("COMPLETED", 2, 1, 0)
    nothing_made_twice(bench, recorded)


@pytest.mark.parametrize(
    ("table", "stage", "number"),
    [
        ("jobs", "transcribe", signal.SIGKILL),
        ("artifacts", "mix", signal.SIGSEGV),
        pytest.param("jobs", "transcribe", signal.SIGSEGV, marks=pytest.mark.long),
        pytest.param("artifacts", "mix", signal.SIGKILL, marks=pytest.mark.long),
    ],
)
def test_a_killed_child_harms_no_other_job(start_bench, table, stage, number):
    bench = start_bench(job_slots=2, translation="fake-slow")
    stop = bench.stop_at(table, stage)
    victim = bench.job()
    stop.reached()
    child = bench.worker.job_processes()[0]
    other = bench.job()
    until(lambda: bench.row(other).status == "PROCESSING", 30, "the other job")
    orphans = bench.worker.kill(child, number)
    until(lambda: not alive([child, *orphans]), 2, "the end of all that the child had started")
    stop.release()
    assert (bench.ended(other).status, bench.row(other).attempt) == ("COMPLETED", 1)
    job = bench.ended(victim)
    assert (job.status, job.attempt, job.crashes, job.transient_failures) == ("COMPLETED", 2, 0, 1)


def test_an_engine_that_holds_the_gil_for_three_leases_loses_nothing(start_bench):
    bench = start_bench(translation="fake-gil")
    job = bench.ended(bench.job())
    assert (job.status, job.attempt, job.crashes) == ("COMPLETED", 1, 0)


def test_an_engine_that_crashes_once_is_tried_again(start_bench):
    bench = start_bench(translation="fake-segfault")
    job = bench.ended(bench.job())
    assert (job.status, job.attempt, job.transient_failures) == ("COMPLETED", 2, 1)


def test_an_engine_that_always_crashes_ends_failed(start_bench):
    bench = start_bench(translation="fake-always-segfault", max_transient_failures=3)
    job = bench.ended(bench.job())
    assert (job.status, job.error_code) == ("FAILED", "worker_died")
    assert "Traceback" not in job.error_message


def test_transient_trouble_passes_and_a_permanent_one_ends_the_language(start_bench):
    bench = start_bench(translation="fake-transient")
    assert bench.ended(bench.job()).status == "COMPLETED"


def test_a_permanent_failure_shows_its_code_and_sentence(start_bench):
    bench = start_bench(translation="fake-permanent")
    job = bench.ended(bench.job())
    assert (job.status, job.dubs[0].status) == ("FAILED", "FAILED")
    assert job.error_code == job.dubs[0].error_code == "provider_refused"
    assert job.error_message.endswith(".")


def test_ten_deliveries_at_once_run_the_pipeline_once(start_bench):
    bench = start_bench(job_slots=4, translation="fake-slow")
    job_id = bench.job(wake=False)
    answers, gate = [], threading.Barrier(10)

    def deliver() -> None:
        gate.wait()
        url = f"{bench.worker.url}/sqsd/messages"
        answers.append(httpx.post(url, content=Wake(job_id).to_json(), timeout=60).status_code)

    threads = [threading.Thread(target=deliver) for _ in range(10)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    job = bench.ended(job_id)
    assert (job.status, job.attempt) == ("COMPLETED", 1)
    assert set(answers) <= {200, 503}
    assert answers.count(200) >= 1
    assert bench.made_twice() == []


def test_a_drain_lets_go_without_counting(start_bench):
    bench = start_bench(translation="fake-slow")
    job_id = bench.job()
    until(lambda: bench.row(job_id).stage == "translate", 60, "the stage translate")
    http = bench.worker.http_process()
    started = http.children(recursive=True)
    http.send_signal(signal.SIGTERM)
    until(lambda: not alive(started), 5, "the end of the job's processes")
    job = bench.ended(job_id)
    assert (job.status, job.attempt, job.crashes, job.transient_failures) == ("COMPLETED", 2, 0, 0)


def test_a_cancel_ends_a_running_child_within_five_seconds(start_bench):
    bench = start_bench(translation="fake-slow")
    job_id = bench.job()
    until(lambda: bench.row(job_id).stage == "translate", 60, "the stage translate")
    started = bench.worker.job_processes()
    from tests.worker.test_jobs import set_row

    set_row(bench.engine, job_id, cancel_requested_at=func.now())
    asked = time.monotonic()
    job = bench.ended(job_id, 5)
    assert job.status == "CANCELED"
    assert not alive(started)
    assert time.monotonic() - asked < 5
    until(lambda: not any(bench.settings.scratch_dir.iterdir()), 2, "an empty scratch")


@pytest.mark.parametrize("victim", ["worker", "child"])
def test_no_ffmpeg_survives_a_kill(start_bench, tmp_path, victim):
    """Killed while ffmpeg encodes: it is gone within two seconds, and the job completes."""
    bench = start_bench()
    bench.clip = a_clip(tmp_path / "long.mp4", 120.0)
    job_id = bench.job(seconds=120.0)

    def encoders() -> list[psutil.Process]:
        return [process for process in bench.worker.descendants() if "ffmpeg" in process_name(process)]

    until(lambda: bench.row(job_id).stage == "mix", 60, "the stage mix")
    running = until(encoders, 60, "an ffmpeg")
    killed = bench.worker.http_process() if victim == "worker" else bench.worker.job_processes()[0]
    orphans = bench.worker.kill(killed)
    until(lambda: not alive([*running, *orphans]), 2, "the end of ffmpeg and all the rest")
    assert bench.ended(job_id).status == "COMPLETED"
