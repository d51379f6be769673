"""The client against the service's own OpenAPI document, and against a running web tier."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from sqlalchemy import Engine

from local.client import Client, ClientError, ResultFile, calls
from local.client.calls import Call
from shared import languages
from shared.accounts import passwords, users
from shared.config import MIB, Settings, load
from shared.db import transaction
from tests.media import a_clip
from tests.processes import tier
from tests.web.conftest import PASSWORD, SLOTS
from web.app import create_app

CALLS: dict[str, Call[Any]] = {name: call for name, call in vars(calls).items() if isinstance(call, Call)}
# What is for people at a browser, for operators and for load balancers; a program dubs.
OTHERS = ("/health", "/auth/", "/users/me", "/unsubscribe/", "/admin/")
EMAIL = "ana@onevoice.test"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    nowhere = load(
        environment="test",
        database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing",
        s3_bucket="none",
        sqs_queue_url="http://127.0.0.1:1/none",
        mail_from="nobody@onevoice.test",
        jwt_secret="no secret at all, but as long as one",
    )
    found: dict[str, Any] = create_app(nowhere).api_doc
    return found


def operation(document: dict[str, Any], call: Call[Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][call.path][call.method.lower()]
    return found


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        schema = {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def forms(document: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The alternatives of a schema, resolved."""
    schema = resolved(document, schema)
    inner = schema.get("anyOf") or schema.get("oneOf")
    return [form for one in inner for form in forms(document, one)] if inner else [schema]


def fits(document: dict[str, Any], ours: dict[str, Any], own: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """What is in a value of schema `ours` (of our document `own`) that `theirs` does not allow; by path."""
    allowed = forms(document, theirs)
    troubles = []
    for form in forms(own, ours):
        found = [_fit(document, form, own, other) for other in allowed if _type(form) in (_type(other), "any")]
        found = found or [[f"{_type(form)} is not {', '.join(map(_type, allowed))}"]]
        troubles += min(found, key=len)
    return troubles


def _type(form: dict[str, Any]) -> str:
    return str(form.get("type", "string" if "enum" in form or "const" in form else "any"))


def _fit(document: dict[str, Any], ours: dict[str, Any], own: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    if "enum" in ours or "const" in ours:
        values, known = ({*form.get("enum", ()), form.get("const")} - {None} for form in (ours, theirs))
        return [f"{value} is no value" for value in values - known] if known else []
    if "items" in ours and "items" in theirs:
        return [f"[]: {trouble}" for trouble in fits(document, ours["items"], own, theirs["items"])]
    troubles = []
    for name, field in ours.get("properties", {}).items():
        if name not in theirs.get("properties", {}):
            troubles.append(f"there is no {name}")
        else:
            needed = name in ours.get("required", ())  # None is left out of what is sent
            said = {"anyOf": [form for form in forms(own, field) if needed or _type(form) != "null"]}
            troubles += [f"{name}: {one}" for one in fits(document, said, own, theirs["properties"][name])]
    return troubles


def schema_of(model: type[BaseModel], mode: str) -> tuple[dict[str, Any], dict[str, Any]]:
    schema = model.model_json_schema(mode=mode, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    return schema, {"components": {"schemas": schema.get("$defs", {})}}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_as_the_document_says(document, name):
    call = CALLS[name]
    described = operation(document, call)
    if call.body:
        ours, own = schema_of(call.body, "validation")
        theirs = described["requestBody"]["content"]["application/json"]["schema"]
        assert fits(document, ours, own, theirs) == []
    elif described.get("requestBody"):
        assert described["requestBody"].get("required") is False
    parameters = {one["name"]: one for one in described.get("parameters", ()) if one["in"] == "query"}
    assert set(call.query) == set(parameters)
    takes_key = any(one["name"] == "Idempotency-Key" for one in described.get("parameters", ()))
    assert call.creates == takes_key


@pytest.mark.parametrize("name", CALLS)
def test_an_answer_is_as_the_document_says(document, name):
    call = CALLS[name]
    (success,) = (answer for status, answer in operation(document, call)["responses"].items() if status[0] == "2")
    if call.answer is calls.Nothing:
        assert not success.get("content")
        return
    ours, own = schema_of(call.answer, "serialization")
    theirs = success["content"]["application/json"]["schema"]
    # Each field that is read is there, and whatever comes in it is something that is understood.
    assert missing(fits(document, ours, own, theirs)) == []
    troubles = fits(own, theirs, document, ours)
    assert troubles == missing(troubles)


def missing(troubles: list[str]) -> list[str]:
    return [trouble for trouble in troubles if "there is no" in trouble]


def test_every_operation_has_its_call(document):
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    ours = {(call.method, call.path) for call in CALLS.values()}
    assert ours <= described
    assert {path for _, path in described - ours if not path.startswith(OTHERS)} == set()


@pytest.fixture
def web(make_settings: Callable[..., Settings], engine: Engine, tmp_path: Path) -> Iterator[str]:
    """A web tier that wants files from 5 MiB up in parts; with a user."""
    settings = make_settings(multipart_from_bytes=5 * MIB)
    with transaction(engine) as session:
        users.create(session, EMAIL, passwords.hash_password(PASSWORD))
        languages.publish(session, SLOTS)
    with tier("web", settings, tmp_path / "web.log") as running:
        yield running.url


@pytest.fixture
def client(web: str) -> Iterator[Client]:
    with Client(web) as signed_in:
        signed_in.login(EMAIL, PASSWORD)
        yield signed_in


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A film of 12 MiB: three parts."""
    path = a_clip(tmp_path / "clip.mp4", 3)
    with path.open("ab") as file:  # an empty box, that players skip
        size = 12 * MIB
        file.write(size.to_bytes(4, "big") + b"free" + bytes(size - 8))
    return path


def test_the_main_job_but_for_the_worker(client, tmp_path):
    small = a_clip(tmp_path / "영상.mp4", 3)
    seen: list[tuple[int, int]] = []
    video = client.upload(small, lambda sent, size: seen.append((sent, size)), title="A talk")
    assert (video.status, video.filename, seen[-1]) == ("READY", small.name, (small.stat().st_size,) * 2)
    assert client.retitle(video.video_id, "Another talk").title == "Another talk"
    job = client.dub(
        video.video_id,
        ["es"],
        source_language="en",
        voices={"default": "fake:ana"},
        glossary={"OneVoice": None, "dub": "doblaje"},
        registers={"default": "formal"},
    )
    assert [dub.language for dub in job.dubs] == ["es"]
    assert client.cancel(job.job_id).over
    assert [one.status for one in client.follow(job.job_id)] == ["CANCELED"]
    assert client.retry(job.job_id).status == "PENDING"
    client.cancel(job.job_id)
    assert {dub.language for dub in client.add_languages(job.job_id, ["ca"]).dubs} == {"es", "ca"}
    assert [one.job_id for one in client.jobs(video_id=video.video_id)] == [job.job_id]
    with pytest.raises(ClientError) as refused:
        client.results(job.job_id)
    assert (refused.value.code, refused.value.status) == ("not_ready", 409)
    client.delete_video(video.video_id)
    assert list(client.videos()) == []


def test_an_upload_in_parts_goes_on_where_it_was_cut(client, web, clip, monkeypatch):
    puts: list[str] = []
    put = httpx.put

    def failing(url: str, **request: Any) -> httpx.Response:
        puts.append(url)
        if "partNumber=2" in url:
            return httpx.Response(400)
        return put(url, **request)

    monkeypatch.setattr("local.client.uploads.httpx.put", failing)
    with pytest.raises(ClientError) as broken:
        client.upload(clip)
    video_id = broken.value.problem["video_id"]
    assert len(puts) == 3

    def counting(url: str, **request: Any) -> httpx.Response:
        puts.append(url)
        return put(url, **request)

    monkeypatch.setattr("local.client.uploads.httpx.put", counting)
    with Client(web) as another:
        another.login(EMAIL, PASSWORD)
        assert another.resume(video_id, clip).status == "READY"
        assert another.resume(video_id, clip).status == "READY"
    assert len(puts) == 4


def test_lists_are_read_to_their_end(client, tmp_path):
    made = {client.import_url(f"https://example.com/{number}.mp4").video_id for number in range(5)}
    assert {video.video_id for video in client.videos(status="IMPORTING", page=2)} == made


def test_webhooks(client):
    secret = client.set_webhook("https://example.com/hook").secret
    assert client.rotate_webhook_secret().secret != secret
    ping = client.test_webhook()
    with pytest.raises(ClientError) as waiting:
        client.redeliver(ping.delivery_id)
    assert waiting.value.code == "invalid_state"  # it is still being tried
    assert [one.event for one in client.deliveries(status="PENDING")] == [ping.event]
    client.remove_webhook()
    assert client.webhook().url is None


def test_refusals_carry_the_code(client):
    with pytest.raises(ClientError, match="no such video") as refused:
        client.video("01a20a5c-5389-758b-bc53-6da9cb1087ee")
    assert (refused.value.code, refused.value.status) == ("not_found", 404)


class Stubborn(BaseHTTPRequestHandler):
    """Cuts the first connection, then is busy once, then answers; sends half of a file, then the rest when asked."""

    seen: list[tuple[str, dict[str, str]]]
    protocol_version = "HTTP/1.1"
    film = bytes(range(256)) * 400

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, dict(self.headers)))
        if len(self.seen) == 1:
            self.close_connection = True
            self.connection.close()
            return
        self._answer(503 if len(self.seen) == 2 else 202, {"code": "probe_busy", "detail": "Later."})

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.seen.append((self.path, dict(self.headers)))
        first = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.send_response(206 if first else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(self.film) - first))
        self.end_headers()
        self.wfile.write(self.film[first:] if first else self.film[: len(self.film) // 2])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stubborn() -> Iterator[ThreadingHTTPServer]:
    Stubborn.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stubborn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_lost_answer_and_a_busy_service_are_asked_again_with_the_same_key(stubborn):
    with Client(f"http://127.0.0.1:{stubborn.server_port}") as client, pytest.raises(ClientError) as strange:
        client.dub("v", ["es"])
    assert strange.value.code == "unreadable"  # it answered 202, but with no job
    keys = {headers["Idempotency-Key"] for _, headers in Stubborn.seen}
    assert (len(Stubborn.seen), len(keys)) == (3, 1)


def test_a_download_goes_on_where_it_was_cut(stubborn, tmp_path):
    result = ResultFile.model_validate(
        {"language": "es", "kind": "dubbed_video", "url": f"http://127.0.0.1:{stubborn.server_port}/f",
         "filename": "../film.mp4", "content_type": "video/mp4", "size_bytes": len(Stubborn.film),
         "expires_at": "2030-01-01T00:00:00Z"}
    )  # fmt: skip
    assert Client.download(result, tmp_path) == tmp_path / "film.mp4"
    assert (tmp_path / "film.mp4").read_bytes() == Stubborn.film
    asked = [(headers.get("Range"), headers.get("If-Range")) for _, headers in Stubborn.seen]
    assert asked == [(None, None), (f"bytes={len(Stubborn.film) // 2}-", '"1"')]
