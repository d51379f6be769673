"""A small typed client of OneVoice's HTTP API: upload, dub, follow, download."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from mimetypes import guess_type
from pathlib import Path, PurePath
from typing import Any, Self

import httpx

BLOCK_BYTES = 1024 * 1024
POLL_SECONDS = 0.5
FINAL = frozenset({"COMPLETED", "FAILED", "CANCELED"})

Progress = Callable[[int, int], None]


class ClientError(Exception):
    """The service refused or could not be reached; the message is one sentence for a person."""


@dataclass(frozen=True)
class Dub:
    """One language of a job. `error` is a sentence, or None."""

    language: str
    status: str
    error: str | None


@dataclass(frozen=True)
class Job:
    """A dubbing job as it is now; `progress` from 0 to 1."""

    job_id: str
    status: str
    progress: float
    stage: str | None
    error: str | None
    dubs: tuple[Dub, ...]

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in FINAL


@dataclass(frozen=True)
class ResultFile:
    """A file to download."""

    language: str | None
    kind: str
    url: str
    filename: str


class Client:
    """Signed in as one user. Every method raises ClientError."""

    def __init__(self, url: str) -> None:
        self._url = url
        # The network's usual proxies are not for a service on this machine, and jobs outlast any one request.
        self._http = httpx.Client(base_url=url, timeout=httpx.Timeout(60, connect=5), trust_env=False)
        self._credentials: dict[str, str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def login(self, email: str, password: str) -> None:
        """Sign in, and again whenever the access token runs out."""
        self._credentials = {"email": email, "password": password}
        self._sign_in()

    def upload(self, path: Path, progress: Progress, filename: str | None = None) -> str:
        """Upload the file at `path` and have it examined; the video's id. `progress(sent, all)` in bytes."""
        size = path.stat().st_size
        announced = {"filename": filename or path.name, "size_bytes": size, "content_type": media_type(path)}
        video = self._call("POST", "/videos", announced)
        self._put(video["upload"], path, progress)
        self._call("POST", f"/videos/{video['video_id']}/uploaded", {})
        return str(video["video_id"])

    def dub(
        self, video_id: str, language: str, source: str | None, transcript: str | None, background: str = "duck"
    ) -> str:
        """Order a dub into `language`; the job's id. `transcript`: SRT, VTT or JSON; `background`: keep, duck, drop."""
        order: dict[str, Any] = {"video_id": video_id, "target_languages": [language], "background": background}
        if source:
            order["source_language"] = source
        if transcript is not None:
            order["source_transcript"] = transcript
        return str(self._call("POST", "/dubbing-jobs", order)["job_id"])

    def job(self, job_id: str) -> Job:
        """The job as it is now."""
        return _job(self._call("GET", f"/dubbing-jobs/{job_id}"))

    def follow(self, job_id: str) -> Iterator[Job]:
        """The job again and again until it is over; the last one is."""
        while True:
            job = self.job(job_id)
            yield job
            if job.over:
                return
            time.sleep(POLL_SECONDS)

    def results(self, job_id: str) -> list[ResultFile]:
        """What a finished job has made."""
        items = self._call("GET", f"/dubbing-jobs/{job_id}/results")["items"]
        return [ResultFile(item["language"], item["kind"], item["url"], item["filename"]) for item in items]

    @staticmethod
    def download(result: ResultFile, folder: Path) -> Path:
        """Save a result in `folder` under its own name; where it is."""
        target = folder / PurePath(result.filename).name
        with _reachable(result.url), httpx.stream("GET", result.url, timeout=60, trust_env=False) as answer:
            if answer.status_code != httpx.codes.OK:
                raise ClientError(f"{target.name} could not be downloaded: the file store said {answer.status_code}.")
            with target.open("wb") as file:
                for block in answer.iter_bytes(BLOCK_BYTES):
                    file.write(block)
        return target

    def _sign_in(self) -> None:
        assert self._credentials is not None
        with _reachable(self._url):
            answer = self._http.post("/auth/login", json=self._credentials)
        self._http.headers["Authorization"] = f"Bearer {_document(answer)['access_token']}"

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        with _reachable(self._url):
            answer = self._http.request(method, path, json=body)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._credentials:
            self._sign_in()
            with _reachable(self._url):
                answer = self._http.request(method, path, json=body)
        return _document(answer)

    @staticmethod
    def _put(upload: dict[str, Any], path: Path, progress: Progress) -> None:
        if upload["kind"] != "single":
            raise ClientError(f"The service wants the file in a way ({upload['kind']}) that this client doesn't know.")
        with _reachable(upload["url"]):
            # No client of ours: its Authorization header is none of the file store's business.
            answer = httpx.put(
                upload["url"], content=_blocks(path, progress), headers=upload["headers"], timeout=600, trust_env=False
            )
        if answer.status_code != httpx.codes.OK:
            raise ClientError(f"The upload was refused by the file store ({answer.status_code}).")


def media_type(path: Path) -> str:
    """What the name says the file is, where that is video or sound (`.ts` is a translator's file to some)."""
    guessed = guess_type(path.name)[0] or ""
    return guessed if guessed.startswith(("video/", "audio/")) else "application/octet-stream"


def _blocks(path: Path, progress: Progress) -> Iterator[bytes]:
    size, sent = path.stat().st_size, 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
            sent += len(block)
            progress(sent, size)


def _job(document: dict[str, Any]) -> Job:
    dubs = tuple(Dub(dub["language"], dub["status"], _message(dub.get("error"))) for dub in document["dubs"])
    return Job(
        document["job_id"], document["status"], document["progress"] or 0.0, document["stage"],
        _message(document["error"]), dubs,
    )  # fmt: skip


def _message(error: dict[str, Any] | None) -> str | None:
    return f"{error['message']} ({error['code']})" if error else None


def _document(answer: httpx.Response) -> dict[str, Any]:
    """The JSON of a success. Raises ClientError with the problem's own sentence."""
    try:
        document: dict[str, Any] = answer.json()
    except ValueError:
        raise ClientError(f"The service answered {answer.status_code} and nothing readable.") from None
    if answer.is_success:
        return document
    sentence = document.get("detail") or document.get("title") or f"The service answered {answer.status_code}."
    fields = "".join(f" {error['field']}: {error['message']}" for error in document.get("errors", ()))
    raise ClientError(f"{sentence}{fields} ({document.get('code', answer.status_code)})")


@contextmanager
def _reachable(url: str) -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        where = httpx.URL(url).copy_with(query=None)
        raise ClientError(f"{where} can't be reached ({type(error).__name__}); is `make up` running?") from error
