"""Uploads in parts, over real HTTP: begun, resumed, completed once with their own parts, aborted."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import boto3
import botocore.session
import httpx
import pytest
from botocore.credentials import RefreshableCredentials
from flask import Flask
from sqlalchemy import Engine, func, select

from shared import aws
from shared.config import MIB, Settings
from shared.db import transaction
from shared.models import Video
from shared.multipart import Multipart
from shared.storage import Storage, original_key
from tests.factories import a_video
from tests.web.conftest import Person, code
from tests.web.videos import ANNOUNCED, keys, uploaded
from web.database import db

PART = 5 * MIB
NAME = "Доклад 発表 🎬 «1».mp4"


@pytest.fixture
def big(make_settings: Callable[..., Settings]) -> Settings:
    """Uploads in parts begin at 5 MiB, and a part has 5 MiB."""
    return make_settings(multipart_from_bytes=PART)


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], big: Settings) -> Flask:
    return make_app(big)


@pytest.fixture(scope="module")
def film(media: Path) -> bytes:
    """clip.mp4 and 11 MiB of padding in a box of its own: three parts, the last one short."""
    padding = 11 * MIB
    return (media / "clip.mp4").read_bytes() + padding.to_bytes(4, "big") + b"free" + b"\7" * (padding - 8)


def announce(person: Person, film: bytes, **fields: Any) -> dict[str, Any]:
    body = {"filename": NAME, "size_bytes": len(film), "content_type": "video/mp4", **fields}
    answer = person.post("/videos", json=body)
    assert answer.status_code == 201, answer.json
    made: dict[str, Any] = answer.json
    return made


def send(part: dict[str, Any], film: bytes, size: int = PART) -> str:
    """PUT one part as the answer says; its ETag."""
    start = (part["part_number"] - 1) * size
    answer = httpx.put(part["url"], content=film[start : start + part["size_bytes"]], headers=part["headers"])
    answer.raise_for_status()
    return str(answer.headers["etag"])


def sent(created: dict[str, Any], film: bytes, *numbers: int) -> list[dict[str, Any]]:
    """PUT some parts (all where none is named), side by side; what `uploaded` wants to hear of them."""
    parts = [part for part in created["upload"]["parts"] if part["part_number"] in (numbers or (1, 2, 3))]
    with ThreadPoolExecutor(3) as pool:
        etags = list(pool.map(lambda part: send(part, film), parts))
    return [{"part_number": part["part_number"], "etag": etag} for part, etag in zip(parts, etags, strict=True)]


def open_uploads(settings: Settings) -> list[str]:
    client = boto3.client("s3", endpoint_url=settings.s3_endpoint_url, region_name="us-east-1")
    return [item["UploadId"] for item in client.list_multipart_uploads(Bucket=settings.s3_bucket).get("Uploads", [])]


def test_announce_in_parts(person: Person, film: bytes, big: Settings) -> None:
    created = announce(person, film)
    upload = created["upload"]
    assert (upload["kind"], upload["method"], upload["part_size"]) == ("multipart", "PUT", PART)
    assert [part["part_number"] for part in upload["parts"]] == [1, 2, 3]
    assert [part["size_bytes"] for part in upload["parts"]] == [PART, PART, len(film) - 2 * PART]
    for part in upload["parts"]:
        signed = {name: values[0] for name, values in parse_qs(urlsplit(part["url"]).query).items()}
        assert set(signed["X-Amz-SignedHeaders"].split(";")) == {"content-length", "host"}
        assert signed["X-Amz-Expires"] == str(big.presigned_url_seconds)
        assert part["headers"] == {"Content-Length": str(part["size_bytes"])}
        assert part["url"].isascii()
    assert "checksum" not in upload["parts"][0]["url"]
    assert upload["expires_at"] < upload["upload_expires_at"]


def test_one_byte_below_is_one_put(person: Person) -> None:
    for size, kind in ((PART - 1, "single"), (PART, "multipart")):
        created = person.post("/videos", json={**ANNOUNCED, "size_bytes": size}).json
        assert created
        assert created["upload"]["kind"] == kind


def test_from_parts_to_ready(person: Person, film: bytes, big: Settings) -> None:
    created = announce(person, film)
    parts = sent(created, film)
    address = f"/videos/{created['video_id']}"
    answer = person.post(f"{address}/uploaded", json={"parts": parts})
    assert answer.status_code == 200, answer.json
    body = answer.json
    assert body
    assert (body["status"], body["filename"], body["size_bytes"]) == ("READY", NAME, len(film))
    assert open_uploads(big) == []
    stored = Storage(big).head(original_key(UUID(created["video_id"])))
    assert stored
    assert (stored.size_bytes, stored.content_type) == (len(film), "video/mp4")
    for again in ({"parts": parts}, {"parts": []}, {}, None):
        repeated = (
            person.post(f"{address}/uploaded", json=again) if again is not None else uploaded(person, address[8:])
        )
        assert repeated.status_code == 200
    for closed in (
        person.get(f"{address}/upload"),
        person.post(f"{address}/upload/parts", json={"part_numbers": [1]}),
        person.delete(f"{address}/upload"),
    ):
        assert code(closed) == (409, "not_uploading")


def test_nothing_more_can_be_sent_after_ready(person: Person, film: bytes, engine: Engine, big: Settings) -> None:
    """S3 answers 404 then; moto breaks with 500."""
    created = announce(person, film)
    sent(created, film)
    assert uploaded(person, created["video_id"]).status_code == 200
    part = created["upload"]["parts"][0]
    assert httpx.put(part["url"], content=b"other" + film[5:PART], headers=part["headers"]).status_code >= 400
    stored = Storage(big).head(original_key(UUID(created["video_id"])))
    with transaction(engine) as session:
        assert stored
        assert session.get_one(Video, UUID(created["video_id"])).etag == stored.etag


def test_a_second_put_after_ready_is_refused(person: Person, media: Path) -> None:
    clip = (media / "clip.mp4").read_bytes()
    answer = person.post("/videos", json={**ANNOUNCED, "size_bytes": len(clip)}).json
    assert answer
    put = answer["upload"]
    assert httpx.put(put["url"], content=clip, headers=put["headers"]).status_code == 200
    assert uploaded(person, answer["video_id"]).status_code == 200
    assert httpx.put(put["url"], content=clip, headers=put["headers"]).status_code == 412


def test_resume_after_the_client_died(person: Person, film: bytes) -> None:
    created = announce(person, film)
    (second,) = sent(created, film, 2)
    address = f"/videos/{created['video_id']}"
    state = person.get(f"{address}/upload").json
    assert state
    assert (state["kind"], state["part_size"], state["part_count"]) == ("multipart", PART, 3)
    assert state["uploaded_parts"] == [{**second, "size_bytes": PART}]
    assert state["upload_expires_at"] == created["upload"]["upload_expires_at"]
    fresh = person.post(f"{address}/upload/parts", json={"part_numbers": [3, 1]}).json
    assert fresh
    assert [part["part_number"] for part in fresh["parts"]] == [3, 1]
    for part in fresh["parts"]:
        send(part, film)
    assert uploaded(person, created["video_id"]).status_code == 200


def test_resume_a_single_put(person: Person, media: Path) -> None:
    clip = (media / "clip.mp4").read_bytes()
    created = announce(person, clip)
    address = f"/videos/{created['video_id']}"
    fresh = person.get(f"{address}/upload").json
    assert fresh
    assert (fresh["kind"], fresh["headers"]) == ("single", created["upload"]["headers"])
    assert code(person.post(f"{address}/upload/parts", json={"part_numbers": [1]})) == (409, "not_multipart")
    httpx.put(fresh["url"], content=clip, headers=fresh["headers"]).raise_for_status()
    assert uploaded(person, created["video_id"]).status_code == 200


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([4], "invalid_parts"),
        ([1, 2, 1], "invalid_parts"),
        ([10_000], "invalid_parts"),
        ([0], "invalid_request"),
        ([], "invalid_request"),
        ([True], "invalid_request"),
        (["1"], "invalid_request"),
        ([1] * 1001, "invalid_request"),
        ("1", "invalid_request"),
    ],
)
def test_no_urls_for_parts_that_are_none(person: Person, film: bytes, numbers: object, expected: str) -> None:
    address = f"/videos/{announce(person, film)['video_id']}/upload/parts"
    assert code(person.post(address, json={"part_numbers": numbers})) == (422, expected)


def wrong_lists(parts: list[dict[str, Any]]) -> list[tuple[list[dict[str, Any]], str, list[int]]]:
    first, second, third = parts
    foreign = {**second, "etag": '"0123456789abcdef0123456789abcdef"'}
    swapped = [{**first, "etag": second["etag"]}, {**second, "etag": first["etag"]}, third]
    return [
        ([], "parts_missing", [1, 2, 3]),
        ([first, third], "parts_missing", [2]),
        ([third, second, first], "parts_out_of_order", [2, 1]),
        ([first, first, second, third], "parts_out_of_order", [1]),
        ([first, foreign, third], "part_mismatch", [2]),
        (swapped, "part_mismatch", [1, 2]),
        ([first, second, third, {**third, "part_number": 4}], "part_mismatch", [4]),
    ]


def test_a_wrong_list_is_refused_and_can_be_mended(person: Person, film: bytes) -> None:
    created = announce(person, film)
    parts = sent(created, film)
    address = f"/videos/{created['video_id']}"
    for wrong, expected, numbers in wrong_lists(parts):
        answer = person.post(f"{address}/uploaded", json={"parts": wrong})
        assert code(answer) == (422, expected)
        assert answer.get_json(force=True)["part_numbers"] == numbers
        assert (person.get(address).json or {})["status"] == "AWAITING_UPLOAD"
    assert person.post(f"{address}/uploaded", json={"parts": parts}).status_code == 200


@pytest.mark.parametrize(
    "body", [{"parts": [{"part_number": 1}]}, {"parts": [{"part_number": 0, "etag": "x"}]}, {"part": []}, {"parts": 1}]
)
def test_a_list_that_is_none(person: Person, film: bytes, body: dict[str, Any]) -> None:
    address = f"/videos/{announce(person, film)['video_id']}/uploaded"
    assert code(person.post(address, json=body)) == (422, "invalid_request")
    assert code(person.post(address, data=b"{", content_type="application/json")) == (400, "invalid_json")
    assert code(person.post(address, data=b"parts=1", content_type="text/plain")) == (415, "unsupported_media_type")


def test_a_part_that_was_listed_but_never_came(person: Person, film: bytes) -> None:
    created = announce(person, film)
    parts = sent(created, film, 1, 3)
    listed = [parts[0], {"part_number": 2, "etag": parts[0]["etag"]}, parts[1]]
    answer = person.post(f"/videos/{created['video_id']}/uploaded", json={"parts": listed})
    assert code(answer) == (422, "parts_missing")
    silent = uploaded(person, created["video_id"])
    assert code(silent) == (409, "not_uploaded")
    assert silent.get_json(force=True)["part_numbers"] == [2]


def test_a_part_of_another_size(person: Person, film: bytes) -> None:
    """moto does not hold the client to the signed length; S3 does. The stored sizes are looked at all the same."""
    created = announce(person, film)
    parts = sent(created, film)
    last = created["upload"]["parts"][2]
    httpx.put(last["url"], content=b"short").raise_for_status()
    answer = uploaded(person, created["video_id"])
    assert code(answer) == (422, "part_mismatch")
    assert answer.get_json(force=True)["part_numbers"] == [3]
    send(last, film)
    assert person.post(f"/videos/{created['video_id']}/uploaded", json={"parts": parts}).status_code == 200


def test_a_crash_between_the_store_and_the_database(person: Person, film: bytes, engine: Engine, big: Settings) -> None:
    created = announce(person, film)
    parts = sent(created, film)
    key = original_key(UUID(created["video_id"]))
    with transaction(engine) as session:
        upload_id = session.get_one(Video, UUID(created["video_id"])).upload_id
    assert upload_id
    face = Multipart(big)
    face.complete(key, upload_id, face.parts(key, upload_id))
    answer = person.post(f"/videos/{created['video_id']}/uploaded", json={"parts": parts})
    assert answer.status_code == 200
    assert (answer.json or {})["status"] == "READY"


def test_told_twice_at_once(app: Flask, person: Person, film: bytes) -> None:
    created = announce(person, film)
    parts = sent(created, film)
    gate, answers = threading.Barrier(2), list[int]()

    def tell() -> None:
        client = app.test_client()
        gate.wait()
        answer = client.post(f"/videos/{created['video_id']}/uploaded", headers=person.headers, json={"parts": parts})
        answers.append(answer.status_code)

    threads = [threading.Thread(target=tell) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200, 200]


def test_abort(person: Person, stranger: Person, film: bytes, big: Settings) -> None:
    created = announce(person, film)
    sent(created, film, 1)
    address = f"/videos/{created['video_id']}"
    assert code(stranger.delete(f"{address}/upload")) == (404, "not_found")
    assert [person.delete(f"{address}/upload").status_code for _ in range(2)] == [204, 204]
    assert open_uploads(big) == []
    read = person.get(address).json
    assert read
    assert (read["status"], read["error"]["code"]) == ("REJECTED", "upload_aborted")
    assert code(uploaded(person, created["video_id"])) == (422, "upload_aborted")
    assert code(person.get(f"{address}/upload")) == (409, "not_uploading")


def test_abort_begun_before_a_crash_is_finished(person: Person, film: bytes, engine: Engine, big: Settings) -> None:
    created = announce(person, film)
    with transaction(engine) as session:
        upload_id = session.get_one(Video, UUID(created["video_id"])).upload_id
    assert upload_id
    Multipart(big).abort(original_key(UUID(created["video_id"])), upload_id)
    address = f"/videos/{created['video_id']}"
    assert code(person.get(f"{address}/upload")) == (409, "not_uploading")
    assert code(uploaded(person, created["video_id"])) == (409, "not_uploaded")
    assert person.delete(f"{address}/upload").status_code == 204


def test_an_import_is_no_upload(person: Person, engine: Engine) -> None:
    address = f"/videos/{a_video(engine, person.id, status='IMPORTING', size_bytes=None)}"
    for answer in (
        person.get(f"{address}/upload"),
        person.post(f"{address}/upload/parts", json={"part_numbers": [1]}),
        person.delete(f"{address}/upload"),
        person.post(f"{address}/uploaded"),
    ):
        assert code(answer) == (409, "not_uploading")


def test_another_users_upload_is_not_there(person: Person, stranger: Person, film: bytes) -> None:
    address = f"/videos/{announce(person, film)['video_id']}"
    for answer in (
        stranger.get(f"{address}/upload"),
        stranger.post(f"{address}/upload/parts", json={"part_numbers": [1]}),
        stranger.post(f"{address}/uploaded"),
    ):
        assert code(answer) == (404, "not_found")


def test_deleting_a_video_drops_its_parts(person: Person, film: bytes, big: Settings) -> None:
    created = announce(person, film)
    sent(created, film, 1)
    assert person.delete(f"/videos/{created['video_id']}").status_code == 204
    assert open_uploads(big) == []
    assert keys(big) == set()


def test_the_same_key_begins_one_upload(person: Person, film: bytes, engine: Engine, big: Settings) -> None:
    body = {"filename": NAME, "size_bytes": len(film), "content_type": "video/mp4"}
    first, second = (person.post("/videos", json=body, headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert len(open_uploads(big)) == 1
    other = person.post("/videos", json={**body, "size_bytes": len(film) + 1}, headers={"Idempotency-Key": "once"})
    assert code(other) == (409, "idempotency_key_reused")
    assert len(open_uploads(big)) == 1
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(Video)) == 1


def test_a_rejected_file_is_let_go_in_time(person: Person, media: Path) -> None:
    video_id = person.upload(media / "text.mp4")
    assert code(uploaded(person, video_id)) == (422, "not_media")
    assert (person.get(f"/videos/{video_id}").json or {})["expires_at"]


def test_a_whole_number_may_have_a_point(person: Person, film: bytes) -> None:
    """JSON Schema says that 2.0 is an integer."""
    made = announce(person, film, size_bytes=float(len(film)))
    address = f"/videos/{made['video_id']}/upload/parts"
    assert [part["part_number"] for part in person.post(address, json={"part_numbers": [2.0]}).json["parts"]] == [2]
    for wrong in (2.5, "2", True, None, 1e400, 1e300):
        body = json.dumps({"part_numbers": [wrong]})
        answer = person.post(address, data=body, content_type="application/json")
        assert answer.status_code in (400, 422), wrong


def test_urls_are_not_signed_in_the_transaction(
    app: Flask, person: Person, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        pool = db.engine.pool
    signing, held = Multipart.presign_part, []

    def sign(self: Multipart, *args: Any) -> tuple[str, dict[str, str]]:
        held.append(pool.checkedout())
        return signing(self, *args)

    monkeypatch.setattr(Multipart, "presign_part", sign)
    made = announce(person, film)
    person.post(f"/videos/{made['video_id']}/upload/parts", json={"part_numbers": [1]})
    assert held == [0, 0, 0, 0]


def test_no_url_is_said_to_outlive_the_credentials_that_signed_it(
    make_app: Callable[[Settings], Flask],
    big: Settings,
    sign_in: Callable[[Flask], Person],
    film: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As an instance's role has them: here for another twenty minutes."""
    end = datetime.now(UTC) + timedelta(minutes=20)
    role = botocore.session.get_session()
    told = {"access_key": "a", "secret_key": "s", "token": "t", "expiry_time": end.isoformat()}
    role._credentials = RefreshableCredentials.create_from_metadata(told, lambda: told, "iam-role")  # type: ignore[attr-defined]
    session = boto3.Session(botocore_session=role)
    monkeypatch.setattr(aws, "session", lambda: session)
    monkeypatch.setattr(Multipart, "begin", lambda *_: "upload")
    person = sign_in(make_app(big))
    for upload in (announce(person, film)["upload"], announce(person, film[:1000])["upload"]):
        assert datetime.fromisoformat(upload["expires_at"]) == end
        assert datetime.fromisoformat(upload["upload_expires_at"]) > end
