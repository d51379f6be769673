"""Problem documents, request ids, the log."""

import io
import json
import logging
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gunicorn.http.errors import InvalidChunkSize  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.test import TestResponse

from shared import log
from shared.config import Settings
from shared.errors import TransientError
from tests.web.conftest import Person
from web.auth import public
from web.requests import LARGEST_BODY_BYTES, LARGEST_ORDER_BYTES


def code(answer: TestResponse) -> tuple[int, str]:
    assert answer.mimetype == "application/problem+json"
    document = answer.get_json(force=True)
    assert document["status"] == answer.status_code
    assert document["request_id"] == answer.headers["X-Request-Id"]
    return answer.status_code, document["code"]


def test_no_such_address(client: FlaskClient) -> None:
    assert code(client.get("/nowhere")) == (404, "not_found")


def test_an_id_that_is_none(person: Person) -> None:
    assert code(person.get("/videos/1")) == (404, "not_found")


def test_wrong_method(client: FlaskClient) -> None:
    answer = client.put("/health")
    assert code(answer) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_broken_json(client: FlaskClient) -> None:
    answer = client.post("/auth/login", data="{", content_type="application/json")
    assert code(answer) == (400, "invalid_json")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_wrong_content_type(client: FlaskClient, kind: str) -> None:
    assert code(client.post("/auth/login", data="{}", content_type=kind)) == (415, "unsupported_media_type")


def test_what_an_address_takes_may_be_asked_without_a_body(client: FlaskClient) -> None:
    answer = client.options("/auth/login")
    assert answer.status_code == 200
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("body", ["[]", "1", "null", '"{\\"email\\": \\"a\\", \\"password\\": \\"b\\"}"'])
def test_json_that_is_no_object(client: FlaskClient, body: str) -> None:
    assert code(client.post("/auth/login", data=body, content_type="application/json")) == (422, "invalid_request")


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_no_database_keeps(client: FlaskClient, text: str) -> None:
    assert code(client.post("/auth/login", json={"email": text, "password": "x"})) == (422, "invalid_request")


def test_every_wrong_field_is_named(client: FlaskClient) -> None:
    answer = client.post("/auth/login", json={"email": 1, "colour": "red"})
    assert code(answer) == (422, "invalid_request")
    errors = answer.get_json(force=True)["errors"]
    assert {error["field"] for error in errors} == {"email", "password", "colour"}
    assert all(error["message"] for error in errors)


def test_a_body_too_large(client: FlaskClient) -> None:
    answer = client.post("/auth/login", data=b" " * (LARGEST_BODY_BYTES + 1), content_type="application/json")
    assert code(answer) == (413, "request_too_large")


def test_an_order_may_be_larger(person: Person) -> None:
    for size, expected in (
        (LARGEST_BODY_BYTES, (422, "invalid_request")),
        (LARGEST_ORDER_BYTES, (413, "request_too_large")),
    ):
        body = b"{}" + b" " * size
        assert code(person.post("/dubbing-jobs", data=body, content_type="application/json")) == expected
    body = b" " * (LARGEST_BODY_BYTES + 1)
    assert code(person.post("/videos", data=body, content_type="application/json")) == (413, "request_too_large")


def chunked(client: FlaskClient, stream: object) -> TestResponse:
    """As gunicorn hands on a body without Content-Length."""
    environ = {"wsgi.input": stream, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return client.post("/auth/login", environ_overrides=environ, content_type="application/json")


def test_a_chunked_body(client: FlaskClient) -> None:
    assert code(chunked(client, io.BytesIO(b'{"email": "a" }'))) == (422, "invalid_request")
    assert code(chunked(client, io.BytesIO(b'{"email": "' + b"a" * 12_000_000))) == (413, "request_too_large")


def test_a_chunk_whose_size_is_none(client: FlaskClient) -> None:
    class Chunks:
        def read(self, _size: int) -> bytes:
            raise InvalidChunkSize(b"zz")

    answer = chunked(client, Chunks())
    assert code(answer) == (400, "bad_request")


@pytest.mark.parametrize("levels", [101, 500, 5_000, 30_000])
@pytest.mark.parametrize("pair", ["[]", '{"a":}'])
def test_json_that_goes_too_deep(client: FlaskClient, levels: int, pair: str) -> None:
    levels = min(levels, LARGEST_BODY_BYTES // 8)
    value = pair[:-1] * levels + "1" + pair[-1] * levels
    answer = client.post("/auth/login", data=f'{{"email": {value}}}', content_type="application/json")
    assert code(answer) == (400, "invalid_json")
    assert "deep" in answer.get_json(force=True)["detail"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"email": "a",\n "password" 1}', "line 2, column 13"),
        (b"", "line 1, column 1"),
        (b'{"email": "\xff"}', "UTF-8"),
        (b'{"email": ' + b"9" * 5000 + b"}", "digits"),
    ],
)
def test_broken_json_is_pointed_at(client: FlaskClient, body: bytes, where: str) -> None:
    answer = client.post("/auth/login", data=body, content_type="application/json")
    assert code(answer) == (400, "invalid_json")
    assert where in answer.get_json(force=True)["detail"]


def test_a_refusal_stays_small(client: FlaskClient, person: Person) -> None:
    many = {f"field {number}": number for number in range(100)}
    answer = client.post("/auth/login", json=many)
    assert code(answer) == (422, "invalid_request")
    document = answer.get_json(force=True)
    assert len(document["errors"]) == 20
    assert "first 20 of 102" in document["detail"]
    more = client.post("/auth/login", json={str(number): 1 for number in range(5000)})
    assert code(more) == (422, "invalid_request")
    assert len(more.data) < 1000
    long = client.post("/auth/login", json={"x" * 50_000: 1})
    assert len(long.data) < 1000
    for wrong in ({"voices": {str(n): 1 for n in range(500_000)}}, {"target_languages": [1] * 1_000_000}):
        answer = person.post("/dubbing-jobs", json=wrong)
        assert code(answer) == (422, "invalid_request")
        assert len(answer.data) < 1000


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"source_transcript": 7}, "source_transcript"),
        ({"source_transcript": ""}, "source_transcript"),
        ({"voices": {"": "fake:ana"}}, "voices."),
        ({"target_languages": [1]}, "target_languages.0"),
    ],
)
def test_a_wrong_field_has_the_clients_name(person: Person, wrong: dict[str, object], field: str) -> None:
    given = {"video_id": "00000000-0000-7000-8000-000000000000", "target_languages": ["es"], **wrong}
    answer = person.post("/dubbing-jobs", json=given)
    assert [error["field"] for error in answer.get_json(force=True)["errors"]] == [field]


def test_the_document_walks_a_newcomer_through(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document
    walk = document["info"]["description"]
    steps = [
        f"`{method.upper()} {path}`"
        for path, method in (
            ("/auth/login", "post"),
            ("/videos", "post"),
            ("/videos/{video_id}/uploaded", "post"),
            ("/dubbing-jobs", "post"),
            ("/dubbing-jobs/{job_id}", "get"),
            ("/dubbing-jobs/{job_id}/results", "get"),
        )
        if method in document["paths"][path]
    ]
    assert len(steps) == 6
    assert [walk.index(step) for step in steps] == sorted(walk.index(step) for step in steps)
    assert "upload.headers" in walk


def broken(make_app: Callable[[Settings], Flask], settings: Settings, error: Exception) -> FlaskClient:
    app = make_app(settings)

    @app.route("/broken")
    @public
    def view() -> str:
        raise error

    return app.test_client()


def test_the_unexpected_is_logged_and_not_shown(
    make_app: Callable[[Settings], Flask], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    before = logging.root.handlers[:]
    log.configure()
    try:
        answer = broken(make_app, settings, RuntimeError("a secret in a trace")).get("/broken")
    finally:
        logging.root.handlers = before
    assert code(answer) == (500, "internal_error")
    assert b"secret" not in answer.data
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    logged = next(line for line in lines if line["event"] == "unexpected_error")
    assert "RuntimeError: a secret in a trace" in logged["exception"]
    assert logged["request_id"] == answer.headers["X-Request-Id"]
    access = [line for line in lines if line["logger"] == "access"]
    assert len(access) == 1
    assert (access[0]["status"], access[0]["path"], access[0]["method"]) == (500, "/broken", "GET")
    assert access[0]["request_id"] == answer.headers["X-Request-Id"]


def test_a_neighbour_that_is_away(make_app: Callable[[Settings], Flask], settings: Settings) -> None:
    error = TransientError("storage_unavailable", "https://internal.address refused", retry_after=7)
    answer = broken(make_app, settings, error).get("/broken")
    assert code(answer) == (503, "storage_unavailable")
    assert answer.headers["Retry-After"] == "7"
    assert b"internal.address" not in answer.data


def test_a_database_that_is_away(make_app: Callable[[Settings], Flask], make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(database_url="postgresql+psycopg://nobody@127.0.0.1:1/none")
    answer = make_app(settings).test_client().get("/languages")
    assert code(answer) == (503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_sane_request_id_is_kept(client: FlaskClient) -> None:
    assert client.get("/health", headers={"X-Request-Id": "abc-1234_x.Y"}).headers["X-Request-Id"] == "abc-1234_x.Y"


@pytest.mark.parametrize("given", ["", "short", "with space in it", "x" * 129, 'quote"quote"', "ünicode-é-é"])
def test_another_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    made = client.get("/health", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert made != given
    assert len(made) == 36


def test_the_document_is_valid_openapi(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_every_operation_documents_its_problems_and_its_guard(app: Flask, client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document
    operations = [
        (path, method, item) for path, methods in document["paths"].items() for method, item in methods.items()
    ]
    assert len({item["operationId"] for _, _, item in operations}) == len(operations)
    for path, method, item in operations:
        for status in ("422", "default"):
            assert list(item["responses"][status]["content"]) == ["application/problem+json"], (path, method)
        view = app.view_functions[_endpoint(app, path, method)]
        assert bool(item.get("security")) != getattr(view, "is_public", False), (path, method)


def test_every_route_of_the_api_is_documented(app: Flask, client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document
    documented = {(path, method) for path, methods in document["paths"].items() for method in methods}
    routes = {
        (_template(rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.startswith(("documentation.", "mail_pages."))
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    assert documented == routes


def test_the_page_takes_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/docs").text
    assert "http" not in page
    for address in ("/docs/ui/css/swagger-ui.css", "/docs/ui/js/swagger-ui-bundle.js", "/docs/start.js"):
        assert address in page
        assert client.get(address).status_code == 200
    assert client.get("/docs/ui/../../__init__.py").status_code == 404


def _template(rule: str) -> str:
    return rule.replace("<uuid:", "{").replace("<", "{").replace(">", "}")


def _endpoint(app: Flask, path: str, method: str) -> str:
    return next(
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if _template(rule.rule) == path and method.upper() in (rule.methods or ())
    )
