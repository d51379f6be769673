"""Dub a video through a running OneVoice: `python -m local.dub VIDEO --to es`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast, get_args

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from local.client import Client, ClientError, Job, Range
from local.client.bodies import Background, Fit, Output, Register, Subtitles, Video
from local.processes import ROOT
from local.report import figures

SECRETS = ROOT / ".local/secrets.json"
POLL_SECONDS = 0.5  # the service is on this machine, and someone is looking


@dataclass(frozen=True)
class Order:
    """What to dub: the file, or the address to fetch it from; the languages it is to speak; and what is known of it.

    `resume` is the id of a video whose upload of this file was broken off.
    """

    video: Path | None
    languages: tuple[str, ...]
    source: str | None = None
    transcript: Path | None = None
    filename: str | None = None
    address: str | None = None
    resume: str | None = None
    voices: dict[str, str] = field(default_factory=dict)
    background: Background | None = None
    outputs: tuple[Output, ...] = ()
    subtitles: Subtitles | None = None
    bilingual: bool = False
    fit: Fit | None = None
    audio_track: int | None = None
    range: Range | None = None
    preview: bool = False
    speakers: int | None = None
    listen_back: bool | None = None
    consent: bool = False
    glossary: dict[str, str | None] = field(default_factory=dict)
    registers: dict[str, Register] = field(default_factory=dict)
    translations: dict[str, Path] = field(default_factory=dict)

    def check(self) -> None:
        """Raises ClientError for a file that is not there."""
        for path in filter(None, (self.video, self.transcript, *self.translations.values())):
            if not path.is_file():
                raise ClientError(f"There is no file {path}.")


def dub(client: Client, order: Order, out: Path, console: Console) -> dict[str, list[Path]]:
    """Upload, dub, follow with a progress bar, download into `out`; the files by kind. Raises ClientError."""
    order.check()
    transcript = _text(order.transcript) if order.transcript else None
    with _bar(console) as bar:
        task = bar.add_task("upload", total=1.0)
        video = _video(client, order, bar, task)
        bar.reset(task, description="waiting")
        job = client.dub(
            video.video_id,
            order.languages,
            source_language=order.source,
            source_transcript=transcript,
            target_transcripts={language: _text(path) for language, path in order.translations.items()},
            voices=order.voices,
            background=order.background,
            outputs=order.outputs,
            subtitles=order.subtitles,
            bilingual=order.bilingual or None,
            fit=order.fit,
            audio_track=order.audio_track,
            range=order.range,
            preview=order.preview or None,
            speakers=order.speakers,
            listen_back=order.listen_back,
            voice_consent=order.consent or None,
            glossary=order.glossary,
            registers=order.registers,
        )
        _follow(client, job.job_id, bar, task)
    return _download(client, job.job_id, out)


def show(files: dict[str, list[Path]], console: Console) -> None:
    """Print where the files are, and each report's figures."""
    for kind, paths in files.items():
        for path in paths:
            console.print(f"{kind.replace('_', ' '):26}{path}", soft_wrap=True, highlight=False, markup=False)
    for report in files.get("report", []):
        console.print(report.name, highlight=False, markup=False)
        for line in figures(report):
            console.print(f"  {line}", highlight=False, markup=False)


def _video(client: Client, order: Order, bar: Progress, task: TaskID) -> Video:
    if order.address:
        return _imported(client, order, order.address, bar, task)
    assert order.video is not None
    try:
        return _sent(client, order, order.video, bar, task)
    except ClientError as error:
        broken_off = error.problem.get("video_id")
        if broken_off and "video" not in error.problem:  # a file that was looked at and refused is not sent again
            raise ClientError(f"{error} Go on with --resume {broken_off}.", error.code) from error
        raise


def _imported(client: Client, order: Order, address: str, bar: Progress, task: TaskID) -> Video:
    reasons: set[str] = set()

    def tell(video: Video) -> None:
        came = f" {(video.received_bytes or 0) / 2**20:.0f} MiB"
        bar.update(task, description=f"import{came if video.received_bytes else ''}")
        reason = video.retry_reason.message if video.retry_reason else None
        if reason and reason not in reasons:
            reasons.add(reason)
            bar.console.print(f"  {reason} It is tried again.", soft_wrap=True, highlight=False, markup=False)

    bar.update(task, description="import", total=None)
    video = client.arrived(client.import_url(address, order.filename).video_id, tell)
    bar.update(task, total=1.0)
    return video


def _sent(client: Client, order: Order, path: Path, bar: Progress, task: TaskID) -> Video:
    announced: list[str] = []

    def tell(sent: int, size: int) -> None:
        bar.update(task, completed=sent / size)

    if order.resume:
        return client.resume(order.resume, path, tell)
    try:
        return client.upload(path, tell, order.filename, announced=announced.append)
    except KeyboardInterrupt:
        for video_id in announced:
            bar.console.print(f"Go on with --resume {video_id}.", soft_wrap=True, highlight=False)
        raise


def _follow(client: Client, job_id: str, bar: Progress, task: TaskID) -> None:
    stage = ""
    for job in client.follow(job_id, POLL_SECONDS):
        if job.stage and job.stage != stage:
            stage = job.stage
            if not bar.console.is_terminal:
                bar.console.print(f"  {stage}")
        left = f" ({job.eta_seconds:.0f} s left)" if job.eta_seconds else ""
        bar.update(task, description=f"{stage or 'waiting'}{left}", completed=job.progress)
        if job.over and job.status != "COMPLETED":
            raise ClientError(job.why)
        _say_what_failed(job, bar)
    bar.update(task, description="done", completed=1.0)


def _say_what_failed(job: Job, bar: Progress) -> None:
    for one in job.dubs if job.over else ():
        if one.error:
            bar.console.print(f"  {one.language}: {one.error}", soft_wrap=True, highlight=False, markup=False)


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


def _range(text: str) -> Range:
    start, dash, end = text.partition("-")
    try:
        if not dash:
            raise ValueError(text)
        return Range(start=float(start), end=float(end))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not START-END in seconds, such as 60-90") from None


def _voice(text: str) -> tuple[str, str]:
    speaker, equals, voice = text.partition("=")
    return (speaker, voice) if equals else ("default", text)


def _term(text: str) -> tuple[str, str | None]:
    term, equals, rendering = text.partition("=")
    return term, rendering if equals else None


def _register(text: str) -> tuple[str, Register]:
    speaker, _, register = text.rpartition("=")
    if register not in get_args(Register):
        raise argparse.ArgumentTypeError(f"{text!r} is not [SPEAKER=]formal or [SPEAKER=]informal")
    return speaker or "default", cast("Register", register)


def _translation(text: str) -> tuple[str, Path]:
    language, equals, path = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not LANGUAGE=FILE, such as es=talk.es.srt")
    return language, Path(path)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.dub", description=__doc__)
    parser.add_argument("video", type=Path, nargs="?", metavar="VIDEO", help="the file; leave it out with --import")
    add = parser.add_argument
    add("--import", dest="address", metavar="URL", help="let the service fetch the file from a public address")
    add("--resume", metavar="VIDEO_ID", help="go on with an upload of VIDEO that was broken off")
    add("--to", required=True, action="append", metavar="LANGUAGE", help="into what, such as es; may be repeated")
    add("--from", dest="source", metavar="LANGUAGE", help="the language that is spoken")
    add("--transcript", type=Path, metavar="FILE", help="what is said: SRT, VTT or JSON")
    add("--translation", type=_translation, action="append", default=[], metavar="LANGUAGE=FILE",
        help="what to say in a language, instead of a translation: SRT, VTT or JSON")  # fmt: skip
    add("--voice", type=_voice, action="append", default=[], metavar="[SPEAKER=]VOICE", help="or auto, or clone")
    add("--consent", action="store_true", help="who speaks agrees that their voice is cloned")
    add("--term", type=_term, action="append", default=[], metavar="TERM[=RENDERING]", help="to keep, or to render so")
    add("--register", type=_register, action="append", default=[], metavar="[SPEAKER=]formal|informal",
        help="how they address others")  # fmt: skip
    add("--speakers", type=int, metavar="NUMBER", help="how many speak, where the transcript does not say who")
    add("--background", choices=("keep", "duck", "drop"), help="what becomes of music and noise")
    add("--output", action="append", default=[], choices=get_args(Output), help="a file to make; may be repeated")
    add("--subtitles", choices=get_args(Subtitles), help="as tracks, drawn into the picture, as files, or none")
    add("--bilingual", action="store_true", help="also subtitles with the source's words beneath")
    add("--fit", choices=get_args(Fit), help="what gives way to a longer translation: its pace, or the picture's")
    add("--audio-track", type=int, metavar="N", help="which of the file's sounds to dub, counted from 1")
    add("--range", type=_range, metavar="START-END", help="only this part, in seconds")
    add("--listen-back", action=argparse.BooleanOptionalAction, help="have the dub recognised and compared")
    add("--preview", action="store_true", help="only the first half minute with speech")
    add("--out", type=Path, default=Path("out"), metavar="FOLDER", help="default: %(default)s")
    add("--url", default="http://127.0.0.1:8000", help="default: %(default)s")
    add("--credentials", type=Path, default=SECRETS, metavar="FILE",
        help="JSON with email and password; default: those of the local stack")  # fmt: skip
    arguments = parser.parse_args(given)
    if (arguments.video is None) == (arguments.address is None):
        parser.error("give either VIDEO or --import URL")
    if arguments.resume and arguments.video is None:
        parser.error("--resume needs VIDEO")
    return arguments


def _order(arguments: argparse.Namespace) -> Order:
    return Order(
        arguments.video,
        tuple(arguments.to),
        arguments.source,
        arguments.transcript,
        address=arguments.address,
        resume=arguments.resume,
        voices=dict(arguments.voice),
        background=arguments.background,
        outputs=tuple(arguments.output),
        subtitles=arguments.subtitles,
        bilingual=arguments.bilingual,
        fit=arguments.fit,
        audio_track=arguments.audio_track,
        range=arguments.range,
        preview=arguments.preview,
        speakers=arguments.speakers,
        listen_back=arguments.listen_back,
        consent=arguments.consent,
        glossary=dict(arguments.term),
        registers=dict(arguments.register),
        translations=dict(arguments.translation),
    )


def _run(arguments: argparse.Namespace) -> None:
    if not arguments.credentials.is_file():
        raise ClientError(f"There are no credentials in {arguments.credentials}; `make up` makes them.")
    credentials = json.loads(arguments.credentials.read_text(encoding="utf-8"))
    order = _order(arguments)
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
