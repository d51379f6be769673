"""Videos: announced, listed, retitled."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import Engine

from shared.config import GIB, Settings
from tests.factories import a_video
from tests.web.conftest import Person, code
from tests.web.videos import ANNOUNCED


def test_announce(person: Person, settings: Settings) -> None:
    answer = person.post("/videos", json=ANNOUNCED)
    assert answer.status_code == 201
    body = answer.json
    assert body
    assert answer.headers["Location"] == f"/videos/{body['video_id']}"
    assert body["status"] == "AWAITING_UPLOAD"
    upload = body["upload"]
    assert (upload["kind"], upload["method"]) == ("single", "PUT")
    assert upload["headers"] == {"Content-Length": "1000", "Content-Type": "video/mp4", "If-None-Match": "*"}
    address = urlsplit(upload["url"])
    assert address.path.endswith(f"/originals/{body['video_id']}")
    signed = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert set(signed["X-Amz-SignedHeaders"].split(";")) >= {"content-length", "content-type", "if-none-match", "host"}
    assert signed["X-Amz-Expires"] == str(settings.presigned_url_seconds)
    assert "talk" not in upload["url"]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"size_bytes": 0}, "empty_upload"),
        ({"size_bytes": 10 * GIB + 1}, "too_large"),
        ({"size_bytes": 2**63 - 1}, "too_large"),
        ({"size_bytes": 2**70}, "invalid_request"),
        ({"size_bytes": -1}, "invalid_request"),
        ({"size_bytes": "1000"}, "invalid_request"),
        ({"size_bytes": 1000.5}, "invalid_request"),
        ({"size_bytes": True}, "invalid_request"),
        ({"filename": ""}, "invalid_request"),
        ({"content_type": "text/html"}, "invalid_request"),
        ({"content_type": "video/mp4\r\nX-Evil: 1"}, "invalid_request"),
        ({"content_type": "video"}, "invalid_request"),
        ({"content_type": "text/html; video/mp4"}, "invalid_request"),
        ({"title": ""}, "invalid_request"),
        ({"colour": "red"}, "invalid_request"),
    ],
)
def test_announce_refuses(person: Person, wrong: dict[str, object], expected: str) -> None:
    assert code(person.post("/videos", json={**ANNOUNCED, **wrong})) == (422, expected)


@pytest.mark.parametrize(
    "kind", ["video/webm;codecs=vp8,opus", 'video/webm; codecs="vp8, opus"', "audio/x-m4a", "application/octet-stream"]
)
def test_media_types_that_clients_send(person: Person, kind: str) -> None:
    answer = person.post("/videos", json={**ANNOUNCED, "content_type": kind})
    expected = 422 if kind.endswith("vp8,opus") else 201
    assert answer.status_code == expected


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("VIDEO/MP4", "video/mp4"),
        ("", "application/octet-stream"),
        ('Video/MP4; codecs="avc1.42E01E"', 'video/mp4; codecs="avc1.42E01E"'),
    ],
)
def test_a_media_type_is_kept_in_lower_case(person: Person, given: str, stored: str) -> None:
    created = person.post("/videos", json={**ANNOUNCED, "content_type": given}).json
    assert created
    assert created["upload"]["headers"]["Content-Type"] == stored
    assert (person.get(f"/videos/{created['video_id']}").json or {})["content_type"] == stored


def test_a_wrong_media_type_gets_a_sentence(person: Person) -> None:
    answer = person.post("/videos", json={**ANNOUNCED, "content_type": "text/html"})
    (error,) = answer.get_json(force=True)["errors"]
    assert error["field"] == "content_type"
    assert "such as video/mp4" in error["message"]
    assert "[" not in error["message"]


def test_the_installation_may_take_less(
    make_app: Callable[[Settings], Flask], make_settings: Callable[..., Settings], sign_in: Callable[[Flask], Person]
) -> None:
    person = sign_in(make_app(make_settings(max_upload_bytes=999)))
    answer = person.post("/videos", json=ANNOUNCED)
    assert code(answer) == (422, "too_large")
    assert answer.get_json(force=True)["limit_bytes"] == 999


def test_list_newest_first_in_pages(person: Person, stranger: Person) -> None:
    made = [(person.post("/videos", json=ANNOUNCED).json or {})["video_id"] for _ in range(5)]
    stranger.post("/videos", json=ANNOUNCED)
    seen: list[str] = []
    cursor: str | None = None
    sizes = []
    while True:
        page = person.get("/videos", query_string={"limit": 2, **({"cursor": cursor} if cursor else {})}).json
        assert page
        sizes.append(len(page["items"]))
        seen += [item["video_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sizes == [2, 2, 1]
    assert seen == made[::-1]


def test_a_cursor_is_bound_to_its_list_and_its_user(person: Person, stranger: Person) -> None:
    for _ in range(2):
        person.post("/videos", json=ANNOUNCED)
    cursor = (person.get("/videos?limit=1").json or {})["next_cursor"]
    assert cursor
    for answer in (
        stranger.get("/videos", query_string={"cursor": cursor}),
        person.get("/dubbing-jobs", query_string={"cursor": cursor}),
        person.get("/videos", query_string={"cursor": cursor[:-1]}),
        person.get("/videos", query_string={"cursor": "made-up"}),
        person.get("/videos", query_string={"cursor": ""}),
        person.get("/videos", query_string={"cursor": "é\1"}),
    ):
        assert code(answer) == (422, "invalid_cursor")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "page=2"])
def test_list_refuses(person: Person, query: str) -> None:
    assert code(person.get(f"/videos?{query}")) == (422, "invalid_request")


def test_retitle(person: Person) -> None:
    video_id = (person.post("/videos", json=ANNOUNCED).json or {})["video_id"]
    assert (person.get(f"/videos/{video_id}").json or {})["title"] == "talk"
    answer = person.patch(f"/videos/{video_id}", json={"title": "Ein Vortrag 🎤"})
    assert (answer.status_code, (answer.json or {})["title"]) == (200, "Ein Vortrag 🎤")
    assert (person.get(f"/videos/{video_id}").json or {})["title"] == "Ein Vortrag 🎤"
    assert code(person.patch(f"/videos/{video_id}", json={})) == (422, "invalid_request")


def test_list_of_one_status(person: Person, media: Path, engine: Engine) -> None:
    ready = person.ready(media / "clip.mp4")
    waiting = (person.post("/videos", json=ANNOUNCED).json or {})["video_id"]
    for status, expected in (("READY", [ready]), ("AWAITING_UPLOAD", [waiting]), ("REJECTED", [])):
        page = person.get(f"/videos?status={status}").json
        assert page
        assert [item["video_id"] for item in page["items"]] == expected
    assert code(person.get("/videos?status=GONE")) == (422, "invalid_request")
    a_video(engine, person.id, status="IMPORTING", size_bytes=None, etag=None)
    page = person.get("/videos?status=IMPORTING").json
    assert page
    assert page["items"][0]["size_bytes"] is None
