"""Dub one video through a running OneVoice: `python -m local.dub VIDEO --to es`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from local.client import Client, ClientError, Job
from local.processes import ROOT
from local.report import figures

SECRETS = ROOT / ".local/secrets.json"


@dataclass(frozen=True)
class Order:
    """What to dub: the file, the language it is to speak, and what is known of it."""

    video: Path
    language: str
    source: str | None = None
    transcript: Path | None = None
    filename: str | None = None

    def check(self) -> None:
        """Raises ClientError for a file that is not there."""
        for path in filter(None, (self.video, self.transcript)):
            if not path.is_file():
                raise ClientError(f"There is no file {path}.")


def dub(client: Client, order: Order, out: Path, console: Console) -> dict[str, list[Path]]:
    """Upload, dub, follow with a progress bar, download into `out`; the files by kind. Raises ClientError."""
    order.check()
    transcript = _text(order.transcript) if order.transcript else None
    with _bar(console) as bar:
        task = bar.add_task("upload", total=1.0)
        video = client.upload(order.video, lambda sent, size: bar.update(task, completed=sent / size), order.filename)
        bar.reset(task, description="waiting")
        job_id = client.dub(video, order.language, order.source, transcript)
        _follow(client, job_id, bar, task)
    return _download(client, job_id, out)


def show(files: dict[str, list[Path]], console: Console) -> None:
    """Print where the files are, and the report's figures."""
    for kind, paths in files.items():
        for path in paths:
            console.print(f"{kind.replace('_', ' '):18}{path}", soft_wrap=True, highlight=False, markup=False)
    for line in figures(files["report"][0]):
        console.print(f"  {line}", highlight=False, markup=False)


def _follow(client: Client, job_id: str, bar: Progress, task: TaskID) -> None:
    stage = ""
    for job in client.follow(job_id):
        if job.stage and job.stage != stage:
            stage = job.stage
            if not bar.console.is_terminal:
                bar.console.print(f"  {stage}")
        bar.update(task, description=stage or "waiting", completed=job.progress)
        if job.over and job.status != "COMPLETED":
            raise ClientError(_why(job))
    bar.update(task, description="done", completed=1.0)


def _why(job: Job) -> str:
    reasons = [job.error, *(dub.error for dub in job.dubs)]
    return next(filter(None, reasons), f"The job ended {job.status} and says no more.")


def _download(client: Client, job_id: str, out: Path) -> dict[str, list[Path]]:
    out.mkdir(parents=True, exist_ok=True)
    files: dict[str, list[Path]] = {}
    for result in client.results(job_id):
        files.setdefault(result.kind, []).append(client.download(result, out))
    return files


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ClientError(f"{path} is not UTF-8 text.") from None


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description:>10}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.dub", description=__doc__)
    parser.add_argument("video", type=Path, metavar="VIDEO")
    parser.add_argument("--to", required=True, metavar="LANGUAGE", help="the language to dub into, such as es")
    parser.add_argument("--from", dest="source", metavar="LANGUAGE", help="the language that is spoken")
    parser.add_argument("--transcript", type=Path, metavar="FILE", help="what is said: SRT, VTT or JSON")
    parser.add_argument("--out", type=Path, default=Path("out"), metavar="FOLDER", help="default: %(default)s")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="default: %(default)s")
    parser.add_argument("--credentials", type=Path, default=SECRETS, metavar="FILE",
                        help="JSON with email and password; default: those of the local stack")  # fmt: skip
    return parser.parse_args(given)


def _run(arguments: argparse.Namespace) -> None:
    if not arguments.credentials.is_file():
        raise ClientError(f"There are no credentials in {arguments.credentials}; `make up` makes them.")
    credentials = json.loads(arguments.credentials.read_text(encoding="utf-8"))
    order = Order(arguments.video, arguments.to, arguments.source, arguments.transcript)
    order.check()
    console = Console()
    with Client(arguments.url) as client:
        client.login(credentials["email"], credentials["password"])
        show(dub(client, order, arguments.out, console), console)


def main(given: Sequence[str] | None = None) -> int:
    """Dub; 1 and one sentence when that fails."""
    try:
        _run(_arguments(given))
    except (ClientError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
