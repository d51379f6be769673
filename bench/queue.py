"""How long an ordered job waits until a worker takes it: from the 202 of POST /dubbing-jobs to `started_at`.

The whole stack in a temporary folder, with nothing else to do: what is measured is the queue, the daemon's stand-in and
the worker's way to its claim. The jobs are canceled at once; nothing is asserted.
"""

import argparse
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.gauge.table import setting, table
from bench.material.talk import make
from local.client import Client, ClientError, Job
from local.processes import StackError
from local.sample import LANGUAGE
from local.stack import Stack, stop_on_signals

TARGET = "es"
MINUTES = 0.1
POLL_SECONDS, LONGEST_SECONDS = 0.05, 60.0


def waits(stack: Stack, talk: Path, count: int) -> list[float]:
    """The seconds that each of `count` orders waited, one after another. Raises ClientError."""
    with Client(stack.url) as client:
        client.login(stack.secrets.email, stack.secrets.password)
        video_id = client.upload(talk).video_id
        return [_wait(client, video_id) for _ in range(count)]


def _wait(client: Client, video_id: str) -> float:
    job = client.dub(video_id, [TARGET], source_language=LANGUAGE)
    ordered = datetime.now(UTC)
    started = _until(client, job.job_id, "started").started_at
    assert started is not None
    if not _until(client, job.job_id, "cancel").over:
        raise ClientError("The job did not end when it was canceled.")
    return (started - ordered).total_seconds()


def _until(client: Client, job_id: str, what: str) -> Job:
    """The job once it has started, or once it is over after a cancel."""
    if what == "cancel":
        client.cancel(job_id)
    end = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < end:
        job = client.job(job_id)
        if job.over if what == "cancel" else job.started_at:
            return job
        time.sleep(POLL_SECONDS)
    raise ClientError(f"The job was not there in {LONGEST_SECONDS:.0f} s: {what}.")


def main() -> int:
    """Measure and print; 1 and one sentence when the stack or a job fails."""
    parser = argparse.ArgumentParser(prog="python -m bench.queue", description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="how many jobs; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    arguments = parser.parse_args()
    stop_on_signals()
    print(setting(arguments.seed, ("boto3", "gunicorn", "moto")))
    try:
        with tempfile.TemporaryDirectory(prefix="onevoice-bench-") as name:
            talk = make(Path(name), MINUTES, arguments.seed)
            with Stack(Path(name) / "stack", say=lambda _: None) as stack:
                seconds = sorted(waits(stack, talk.video, arguments.count))
    except (ClientError, StackError) as error:
        print(error, file=sys.stderr)
        return 1
    p95 = seconds[min(len(seconds) - 1, round(0.95 * (len(seconds) - 1)))]
    row = tuple(f"{one * 1000:.0f}" for one in (seconds[0], statistics.median(seconds), p95, seconds[-1]))
    print(table(f"from the order to the claim, {len(seconds)} jobs, one after another",
                ("least ms", "median ms", "p95 ms", "most ms"), [row]))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
