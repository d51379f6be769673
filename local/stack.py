"""The whole of OneVoice on one machine: `python -m local.stack` (make up), or `with Stack() as stack:`."""

import argparse
import fcntl
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import IO, Self

import httpx

from local import environment, mailbox, postgres
from local.machine import MIB
from local.processes import ROOT, Child, StackError, claimed_port, inherited, limited

FOLDER = ROOT / ".local"
WEB_PORT, WORKER_PORT, OBJECTS_PORT = 8000, 8001, 5005
READY_SECONDS = 90
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# As in production, but small: nobody waits for hours here.
ERROR_VISIBILITY_SECONDS = 2
RESET_NOTICE = "The object store keeps files only while it runs, so database and files both start empty each time."


class Stack:
    """Everything running, from `__enter__` to `__exit__`; `workers` is how many worker tiers, each with its daemon.

    Raises StackError when it can't start.
    """

    def __init__(self, folder: Path = FOLDER, say: Callable[[str], None] = print, workers: int = 1) -> None:
        self._folder = folder
        self._count = workers
        self._say = say
        self._open = ExitStack()
        self.url = ""
        self.max_upload_bytes = 0
        self.children: list[Child] = []
        self.workers: list[Child] = []

    def __enter__(self) -> Self:
        for name in ("logs", "scratch", "objects", "mail"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        self.secrets = environment.read_secrets(self._folder / "secrets.json")
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        lock = self._open.enter_context(_only_one(self._folder / "lock"))
        self._say(RESET_NOTICE)
        apart = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="onevoice-")))
        apart.chmod(0o755)
        sockets = apart / "sockets"
        sockets.mkdir()
        data = self._folder if postgres.can_live_in(self._folder) else apart
        self._keep(postgres.start(data / "postgres", sockets, self._log("postgres")))
        endpoint = self._start_objects()
        queue_url = environment.create_bucket_and_queue(endpoint)
        web_port = self._port("web tier", WEB_PORT)
        self.url = f"http://127.0.0.1:{web_port}"
        self._environment = environment.variables(
            self._folder, postgres.address(sockets), endpoint, queue_url, self.secrets.jwt_secret, self.url
        )
        self.max_upload_bytes = int(self._environment["ONEVOICE_MAX_UPLOAD_BYTES"])
        self._prepare_database()
        self._start_tier("web", web_port)
        for number in range(self._count):
            worker_port = self._port("worker tier", WORKER_PORT + number)
            self.workers.append(self._start_tier("worker", worker_port, number))
            self._start_daemon(f"http://127.0.0.1:{worker_port}", endpoint, queue_url, number)
        self.workers[0].wait_until(lambda: _answers(f"{self.url}/languages"), READY_SECONDS)
        lock.write(self.url)
        lock.flush()

    def _start_objects(self) -> str:
        port = self._port("object store", OBJECTS_PORT)
        mail = self._folder / "mail"
        mailbox.empty(mail)
        self._open.enter_context(mailbox.watch(mail, self._say))
        variables = {**inherited(), "TMPDIR": str(self._folder / "objects")}
        child = Child(
            "The object store",
            limited(sys.executable, "-m", "local.objects", str(port), str(mail)),
            self._log("objects"),
            variables,
        )
        self._keep(child)
        child.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/moto-api/"), READY_SECONDS)
        return f"http://127.0.0.1:{port}"

    def _prepare_database(self) -> None:
        environment.run([sys.executable, "-m", "shared.schema", "upgrade"], self._environment, self._log("migrations"))
        flask = [sys.executable, "-m", "flask", "--app", "web.wsgi"]
        create = [*flask, "users", "create", self.secrets.email, "--password-stdin", "--operator"]
        environment.run(create, self._environment, self._log("user"), given=self.secrets.password)

    def _start_tier(self, tier: str, port: int, number: int = 0) -> Child:
        """Start `tier` exactly as the Procfile does, and wait for it; each of several has its own scratch and log."""
        own = f"{tier}{number or ''}"
        scratch = self._folder / "scratch" / own
        scratch.mkdir(exist_ok=True)
        variables = {
            **self._environment,
            "ONEVOICE_TIER": tier,
            "ONEVOICE_PORT": str(port),
            "ONEVOICE_SCRATCH_DIR": str(scratch),
        }
        child = Child(f"The {tier} tier", limited(*procfile_command()), self._log(own), variables, grace_seconds=30)
        self._keep(child)
        child.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/health"), READY_SECONDS)
        return child

    def _start_daemon(self, app_url: str, endpoint: str, queue_url: str, number: int) -> None:
        flags = {
            "--queue-url": queue_url,
            "--endpoint-url": endpoint,
            "--app-url": app_url,
            "--http-path": "/sqsd/messages",
            "--http-connections": self._environment["ONEVOICE_JOB_SLOTS"],
            "--inactivity-timeout": "35400",
            "--visibility-timeout": "36000",
            "--error-visibility-timeout": str(ERROR_VISIBILITY_SECONDS),
            "--cron-file": str(ROOT / "cron.yaml"),
        }
        arguments = limited(sys.executable, "-m", "local.sqsd", *(part for flag in flags.items() for part in flag))
        self._keep(Child("The queue daemon", arguments, self._log(f"sqsd{number or ''}"), self._environment))

    def _port(self, what: str, usual: int) -> int:
        port = claimed_port(usual, self._open)
        if port != usual:
            self._say(f"Port {usual} is taken, the {what} has {port}.")
        return port

    def _keep(self, child: Child) -> None:
        self.children.append(child)
        self._open.callback(child.stop)

    def _log(self, name: str) -> Path:
        return self._folder / "logs" / f"{name}.log"

    def _stop(self) -> None:
        """End everything, last started first; further signals can't interrupt it."""
        before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
        self._open.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def procfile_command() -> list[str]:
    """The `web:` line of the Procfile, as arguments."""
    name, line = (ROOT / "Procfile").read_text(encoding="utf-8").strip().split(":", 1)
    assert name == "web"
    return line.split()


def stop_on_signals() -> None:
    """From here on a TERM or a closing terminal ends this process as Ctrl-C does."""

    def interrupt(*_: int | FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in ENDING:
        signal.signal(number, interrupt)


def _only_one(path: Path) -> IO[str]:
    """The lock that a running stack holds. Raises StackError when one does."""
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        where = file.read() or "its usual address"
        file.close()
        raise StackError(f"The local stack is running already, at {where}; stop that one first.") from None
    file.truncate(0)
    return file


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def main() -> int:
    """Run the stack until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m local.stack", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for data, logs and secrets; default: %(default)s")
    folder = parser.parse_args().folder.resolve()
    stop_on_signals()
    try:
        with Stack(folder) as stack:
            print(f"OneVoice is at {stack.url} (API: {stack.url}/docs). Sign in as {stack.secrets.email}, an operator;")
            print(f"the password is in {folder / 'secrets.json'}, the logs are in {folder / 'logs'}.")
            print(f"Mails go nowhere: they are in {folder / 'mail'}, and their links are shown here.")
            print(
                f"Files up to {stack.max_upload_bytes // MIB} MiB fit into this machine's memory. Ctrl-C stops it.",
                flush=True,
            )
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
