"""What a web process needs to run: PostgreSQL, a queue that takes everything, and rows to ask for."""

import json
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import Engine, create_engine, text

from local import postgres
from local.environment import CREDENTIALS
from local.processes import ROOT, Child, free_port, inherited, limited
from shared import languages, schema
from shared.db import transaction
from shared.dubbing import jobs
from shared.models import User, UserSession, Video, VideoStatus, new_id

USERS, JOBS_EACH = 20, 30
CAPABILITIES: dict[str, dict[str, Any]] = {
    "speech_recognition": {"engines": ["x"], "languages": ["en"], "detects_language": False},
    "forced_alignment": {"engines": ["x"], "languages": ["en"]},
    "translation": {"engines": ["x"], "pairs": [["en", "es"], ["en", "ca"]]},
    "speech_synthesis": {
        "engines": ["x"],
        "voices": [{"voice_id": "x:a", "name": "A", "languages": ["es", "ca"], "gender": None}],
    },
}


@dataclass(frozen=True)
class Owner:
    """A user who is signed in, with a READY video and jobs, newest first."""

    user_id: UUID
    session_id: UUID
    video_id: UUID
    job_ids: list[UUID]


@dataclass(frozen=True)
class Site:
    """Running neighbours, the environment that names them, and whose rows there are."""

    folder: Path
    environment: dict[str, str]
    engine: Engine
    owners: list[Owner]

    @property
    def jwt_secret(self) -> str:
        """What the tokens are signed with."""
        return self.environment["ONEVOICE_JWT_SECRET"]

    @contextmanager
    def served(self, name: str, command: list[str]) -> Iterator[tuple[str, Child]]:
        """A server started by `command`, where {port} is replaced, until the end of the block; its URL."""
        port = free_port(0)
        variables = {**self.environment, "ONEVOICE_PORT": str(port)}
        arguments = limited(*(part.format(port=port) for part in command))
        child = Child(name, arguments, self.folder / f"{name.replace(' ', '-')}.log", variables, grace_seconds=10)
        try:
            child.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/"))
            yield f"http://127.0.0.1:{port}", child
        finally:
            child.stop()

    def forget_new_jobs(self) -> None:
        """Delete the jobs that were ordered since, so that every round finds the same tables."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("delete from jobs where status = 'PENDING'"))
            connection.execute(text("vacuum analyze jobs, dubs"))


@contextmanager
def site() -> Iterator[Site]:
    """Everything but the web process. Raises StackError."""
    with tempfile.TemporaryDirectory(prefix="onevoice-bench-") as name, _queue() as queue_url:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "sockets").mkdir()
        server = postgres.start(folder / "postgres", folder / "sockets", folder / "postgres.log")
        try:
            address = postgres.address(folder / "sockets")
            engine = create_engine(address)
            schema.upgrade(engine)
            yield Site(folder, _environment(address, queue_url, folder), engine, _rows(engine))
            engine.dispose()
        finally:
            server.stop()


def _environment(address: str, queue_url: str, folder: Path) -> dict[str, str]:
    settings = {
        "ENVIRONMENT": "local", "TIER": "web", "DATABASE_URL": address, "S3_BUCKET": "bench",
        "S3_ENDPOINT_URL": queue_url, "SQS_QUEUE_URL": f"{queue_url}/1/bench", "SQS_ENDPOINT_URL": queue_url,
        "MAIL_FROM": "OneVoice <no-reply@example.com>", "JWT_SECRET": secrets.token_urlsafe(48),
        "SCRATCH_DIR": str(folder / "scratch"), "ACCESS_TOKEN_SECONDS": "86400", "MAX_LIVE_JOBS": "1000000",
    }  # fmt: skip
    ours = {f"ONEVOICE_{name}": value for name, value in settings.items()}
    path = f"{ROOT / '.venv/bin'}:{inherited().get('PATH', '')}"
    return {**inherited(), **CREDENTIALS, **ours, "PATH": path}


def _rows(engine: Engine) -> list[Owner]:
    with transaction(engine) as session:
        languages.publish(session, CAPABILITIES)
    owners = [_owner(engine, number) for number in range(USERS)]
    with transaction(engine) as session:
        session.execute(text("update dubs set status = 'COMPLETED', progress = 1, completed_at = now()"))
        session.execute(text("update jobs set status = 'COMPLETED', progress = 1, attempt = 1, started_at = now(), "
                             "completed_at = now(), expires_at = now() + interval '30 days', "
                             "result_s3_path = 's3://bench/results/' || job_id || '/'"))  # fmt: skip
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))
    return owners


def _owner(engine: Engine, number: int) -> Owner:
    with transaction(engine) as session:
        user = User(id=new_id(), email=f"user{number}@example.com", password_hash="!")
        video = Video(
            id=new_id(), user_id=user.id, status=VideoStatus.READY, title="A talk", filename="talk.mp4",
            content_type="video/mp4", size_bytes=1000, etag='"0"', duration_seconds=60.0, has_video=True,
        )  # fmt: skip
        session.add_all([user, video])
        session.flush()
        until = datetime.now(UTC) + timedelta(days=1)
        own = UserSession(id=new_id(), user_id=user.id, user_agent="bench", ip="127.0.0.0/24", expires_at=until)
        session.add(own)
        new = jobs.NewJob(
            user_id=user.id, video_id=video.id, original_s3_path=f"s3://bench/originals/{video.id}",
            source_language="en", target_languages=("es",), source_transcript=None,
            options={"voices": {}, "background": "duck"},
        )  # fmt: skip
        made = [jobs.create(session, new).job_id for _ in range(JOBS_EACH)]
    return Owner(user.id, own.id, video.id, made[::-1])


class _TakesAll(BaseHTTPRequestHandler):
    """SQS as far as one SendMessage goes, in no time: it is the same for everyone who is measured."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two would wait for each other's acknowledgement

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"MessageId": "1", "MD5OfMessageBody": "0"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _queue() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _TakesAll)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code < 500
    except httpx.TransportError:
        return False
