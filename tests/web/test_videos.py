"""Videos: announced, uploaded for real, probed once, listed, retitled, deleted."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import boto3
import httpx
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text, update
from werkzeug.test import TestResponse

from shared.config import GIB, Settings
from shared.db import transaction
from shared.dubbing import jobs, leases
from shared.errors import TransientError
from shared.models import Artifact, Dub, Job, Result, Video, new_id
from shared.multipart import Multipart
from shared.storage import Storage, artifact_key, original_key, results_prefix, thumbnail_key
from shared.videos import deletion
from shared.videos.library import BIDI_CONTROLS, display_filename, display_title
from tests.factories import a_job, a_video
from tests.processes import until
from tests.web.conftest import Person

ANNOUNCED = {"filename": "talk.mp4", "size_bytes": 1000, "content_type": "video/mp4"}


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json(force=True)["code"]


def uploaded(person: Person, video_id: str) -> TestResponse:
    return person.post(f"/videos/{video_id}/uploaded")


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


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Доклад — часть 1.mp4", "Доклад — часть 1.mp4"),
        ("発表🎬.mov", "発表🎬.mov"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ana\\talk.mp4", "talk.mp4"),
        ("a\r\nSet-Cookie: x=1.mp4", "aSet-Cookie: x=1.mp4"),
        ('quo"te;%41.mp4', 'quo"te;%41.mp4'),
        ("gpj\u202e4pm.exe", "gpj4pm.exe"),
        ("/", "upload"),
        ("..", "upload"),
        ("x" * 1024, "x" * 200),
        ("x" * 300 + ".mp4", "x" * 200 + ".mp4"),
        ("ж" * 300 + ".mp4", "ж" * 100 + ".mp4"),
        ("発" * 300 + ".mp4", "発" * 66 + ".mp4"),
        ("talk." + "x" * 17, "talk." + "x" * 17),
        ("talk\u200b\ufeff\u2028.mp4", "talk.mp4"),
        ("\u200d", "upload"),
    ],
)
def test_filenames_in_any_script(person: Person, name: str, shown: str) -> None:
    created = person.post("/videos", json={**ANNOUNCED, "filename": name})
    assert created.status_code == 201
    assert created.json
    assert created.json["upload"]["url"].isascii()
    read = person.get(f"/videos/{created.json['video_id']}").json
    assert read
    assert read["filename"] == shown


@given(st.text(max_size=400))
def test_a_shown_name_is_harmless(name: str) -> None:
    shown = display_filename(name)
    assert 1 <= len(shown.encode()) <= 216
    assert shown == shown.strip()
    assert not set(shown) & ({"/", "\\", "\r", "\n", "\0"} | BIDI_CONTROLS)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        (None, "talk"),
        ("  A talk. ", "A talk."),
        ("\u202eklat\u0007", "klat"),
        (" \u200b\u200d\n", "talk"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_titles_are_clean_and_never_empty(person: Person, title: str | None, shown: str) -> None:
    created = person.post("/videos", json={**ANNOUNCED, "title": title}).json
    assert created
    address = f"/videos/{created['video_id']}"
    assert (person.get(address).json or {})["title"] == shown
    if title is not None:
        person.patch(address, json={"title": "Another"})
        assert (person.patch(address, json={"title": title}).json or {})["title"] == shown


@given(st.text(max_size=255), st.text(max_size=400))
def test_a_shown_title_is_harmless(title: str, filename: str) -> None:
    shown = display_title(title, display_filename(filename))
    assert shown
    assert not set(shown) & ({"\r", "\n", "\0", "\u200b"} | BIDI_CONTROLS)


def test_uploaded_and_ready(person: Person, media: Path, engine: Engine, settings: Settings) -> None:
    video_id = person.upload(media / "clip.mp4", title="A talk")
    answer = uploaded(person, video_id)
    assert answer.status_code == 200
    body = answer.json
    assert body
    assert body["status"] == "READY"
    assert (body["title"], body["filename"], body["error"]) == ("A talk", "clip.mp4", None)
    assert (body["width"], body["height"], body["fps"], body["has_video"]) == (320, 240, 25.0, True)
    assert body["duration_seconds"] == pytest.approx(6.0, abs=0.05)
    picture = httpx.get(body["thumbnail_url"])
    assert picture.content.startswith(b"\xff\xd8")
    assert picture.headers["content-type"] == "image/jpeg"
    with transaction(engine) as session:
        row = session.get_one(Video, UUID(video_id))
        stored = Storage(settings).head(original_key(row.id))
        assert stored
        assert row.etag == stored.etag
        assert row.uploaded_at
        assert row.expires_at
        assert (row.expires_at - row.uploaded_at).days == settings.retention_days
    again = uploaded(person, video_id)
    assert again.status_code == 200
    assert again.json
    assert {**again.json, "thumbnail_url": None} == {**body, "thumbnail_url": None}


def test_sound_alone_is_ready_too(person: Person, tmp_path: Path) -> None:
    from tests.media import ffmpeg

    ffmpeg("-f", "lavfi", "-i", "sine=d=2", tmp_path / "talk.mp3")
    body = uploaded(person, person.upload(tmp_path / "talk.mp3", content_type="audio/mpeg")).json
    assert body
    assert (body["status"], body["has_video"], body["width"], body["thumbnail_url"]) == ("READY", False, None, None)


def test_not_uploaded_yet(person: Person) -> None:
    video_id = (person.post("/videos", json=ANNOUNCED).json or {})["video_id"]
    assert code(uploaded(person, video_id)) == (409, "not_uploaded")
    assert (person.get(f"/videos/{video_id}").json or {})["status"] == "AWAITING_UPLOAD"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("text.mp4", "not_media"),
        ("playlist.mp4", "not_media"),
        ("concat.mp4", "not_media"),
        ("silent_film.mp4", "no_audio"),
        ("cut.mp4", "truncated"),
    ],
)
def test_a_bad_file_is_rejected_for_good(person: Person, media: Path, name: str, expected: str) -> None:
    video_id = person.upload(media / name)
    first, second = uploaded(person, video_id), uploaded(person, video_id)
    assert code(first) == code(second) == (422, expected)
    documents = [answer.get_json(force=True) for answer in (first, second)]
    assert [document["detail"] for document in documents] == [documents[0]["detail"]] * 2
    assert "as a new video" in documents[0]["detail"]
    assert documents[0]["video"] == {"video_id": video_id, "status": "REJECTED"}
    read = person.get(f"/videos/{video_id}").json
    assert read
    assert (read["status"], read["error"]["code"]) == ("REJECTED", expected)


def test_another_size_than_announced(person: Person, media: Path, settings: Settings) -> None:
    """moto does not hold the client to the signed length; S3 does. The stored size is looked at all the same."""
    video_id = (person.post("/videos", json=ANNOUNCED).json or {})["video_id"]
    Storage(settings).put(original_key(UUID(video_id)), (media / "clip.mp4").read_bytes(), "video/mp4")
    assert code(uploaded(person, video_id)) == (422, "size_mismatch")
    again = uploaded(person, video_id)
    assert code(again) == (422, "size_mismatch")
    assert "as a new video" in again.get_json(force=True)["detail"]


def test_too_long(
    make_app: Callable[[Settings], Flask],
    make_settings: Callable[..., Settings],
    sign_in: Callable[[Flask], Person],
    media: Path,
) -> None:
    person = sign_in(make_app(make_settings(max_duration_seconds=5)))
    assert code(uploaded(person, person.upload(media / "clip.mp4"))) == (422, "too_long")


def test_told_twice_at_once(app: Flask, person: Person, media: Path) -> None:
    video_id = person.upload(media / "clip.mp4")
    answers: list[int] = []

    def tell() -> None:
        client = app.test_client()
        answers.append(client.post(f"/videos/{video_id}/uploaded", headers=person.headers).status_code)

    threads = [threading.Thread(target=tell) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200, 200]


def test_told_again_after_a_crash(person: Person, media: Path, settings: Settings) -> None:
    """The thumbnail was stored, the row was not written: the next telling writes it."""
    video_id = person.upload(media / "clip.mp4")
    Storage(settings).put(thumbnail_key(UUID(video_id)), b"half a thumbnail", "image/jpeg")
    body = uploaded(person, video_id).json
    assert body
    assert httpx.get(body["thumbnail_url"]).content.startswith(b"\xff\xd8")


def test_the_first_verdict_stands(person: Person, media: Path, engine: Engine) -> None:
    video_id = person.upload(media / "clip.mp4")
    with transaction(engine) as session:
        session.execute(update(Video).values(status="REJECTED", rejection_code="no_audio", rejection_message="None."))
    assert code(uploaded(person, video_id)) == (422, "no_audio")


def test_no_transaction_is_open_while_the_file_is_read(
    person: Person, media: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    video_id = person.upload(media / "clip.mp4")
    open_ones: list[int] = []
    read_range = Storage.read_range

    def watched(self: Storage, key: str, start: int, length: int, *, etag: str) -> bytes:
        idle = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in tr%'"
        with engine.connect() as connection:
            open_ones.append(connection.scalar(text(idle)) or 0)
        return read_range(self, key, start, length, etag=etag)

    monkeypatch.setattr(Storage, "read_range", watched)
    assert uploaded(person, video_id).status_code == 200
    assert open_ones
    assert set(open_ones) == {0}


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


def keys(settings: Settings) -> set[str]:
    client = boto3.client("s3", endpoint_url=settings.s3_endpoint_url, region_name="us-east-1")
    return {item["Key"] for item in client.list_objects_v2(Bucket=settings.s3_bucket).get("Contents", [])}


def test_delete_takes_everything_made_from_it(person: Person, media: Path, engine: Engine, settings: Settings) -> None:
    video_id, kept = (UUID(person.ready(media / "clip.mp4")) for _ in range(2))
    job_id = a_job(engine, "es", video_id=video_id, status="COMPLETED")
    storage = Storage(settings)
    artifact, result = artifact_key(video_id, "f", new_id()), f"{results_prefix(job_id)}es/dubbed.mp4"
    for key in (artifact, result):
        storage.put(key, b"x", "video/mp4")
    with transaction(engine) as session:
        session.add(
            Result(
                job_id=job_id,
                language="es",
                kind="dubbed_video",
                key=result,
                filename="x.mp4",
                content_type="video/mp4",
                size_bytes=1,
            )
        )
        session.add(
            Artifact(
                video_id=video_id,
                fingerprint="f",
                stage="mix",
                key=artifact,
                size_bytes=1,
                facts={},
                job_id=job_id,
                lease_token=new_id(),
            )
        )
    assert person.delete(f"/videos/{video_id}").status_code == 204
    assert code(person.get(f"/videos/{video_id}")) == (404, "not_found")
    assert code(person.delete(f"/videos/{video_id}")) == (404, "not_found")
    assert [item["video_id"] for item in (person.get("/videos").json or {})["items"]] == [str(kept)]
    assert counts(engine) == [2, 0, 0, 0, 0]
    assert keys(settings) == {original_key(kept), thumbnail_key(kept)}
    assert purged(engine, settings) == 0  # the URL that was signed for it may still bring an object
    with transaction(engine) as session:
        session.execute(update(Video).values(uploaded_at=func.now() - timedelta(hours=2)))
    storage.put(original_key(video_id), b"late", "video/mp4")
    assert purged(engine, settings) == 1
    assert counts(engine) == [1, 0, 0, 0, 0]
    assert keys(settings) == {original_key(kept), thumbnail_key(kept)}


def counts(engine: Engine) -> list[int]:
    with transaction(engine) as session:
        models = (Video, Job, Dub, Result, Artifact)
        return [session.scalar(select(func.count()).select_from(model)) or 0 for model in models]


def purged(engine: Engine, settings: Settings) -> int:
    return deletion.purge(engine, Storage(settings), Multipart(settings), settings)


def test_delete_cancels_what_waits_and_purges_at_once(
    person: Person, media: Path, engine: Engine, settings: Settings
) -> None:
    video_id = UUID(person.ready(media / "clip.mp4"))
    a_job(engine, "es", video_id=video_id)
    assert person.delete(f"/videos/{video_id}").status_code == 204
    assert keys(settings) == set()
    assert counts(engine)[1:] == [0, 0, 0, 0]


def test_delete_cancels_what_runs_and_purges_when_it_has_ended(
    person: Person, media: Path, engine: Engine, settings: Settings
) -> None:
    video_id = UUID(person.ready(media / "clip.mp4"))
    job_id = a_job(engine, "es", video_id=video_id)
    with transaction(engine) as session:
        held = leases.claim(session, job_id, settings)
        session.execute(update(Video).values(uploaded_at=func.now() - timedelta(hours=2)))
    assert held
    assert person.delete(f"/videos/{video_id}").status_code == 204
    assert code(person.get(f"/videos/{video_id}")) == (404, "not_found")
    assert purged(engine, settings) == 0
    assert original_key(video_id) in keys(settings)
    with transaction(engine) as session:
        assert jobs.cancel_asked(session, held)
        assert jobs.cancel_claimed(session, held, settings)
        assert session.get_one(Job, job_id).deleted_at
    assert purged(engine, settings) == 1
    assert counts(engine) == [0, 0, 0, 0, 0]
    assert keys(settings) == set()


def test_delete_does_not_wait_for_a_worker_that_writes(
    person: Person, media: Path, engine: Engine, settings: Settings
) -> None:
    """The worker holds its job and then needs the video's key for the artifact; the deletion holds the video first."""
    video_id = UUID(person.ready(media / "clip.mp4"))
    job_id = a_job(engine, "es", video_id=video_id)
    with transaction(engine) as session:
        held = leases.claim(session, job_id, settings)
    assert held
    with transaction(engine) as session:
        leases.lock(session, held)
        answers: list[int] = []
        thread = threading.Thread(target=lambda: answers.append(person.delete(f"/videos/{video_id}").status_code))
        thread.start()
        until_waiting(engine)
        made = {"fingerprint": "f", "stage": "mix", "key": "k", "size_bytes": 1, "facts": {}}
        session.add(Artifact(video_id=video_id, job_id=job_id, lease_token=held.lease_token, **made))
        session.flush()
    thread.join(60)
    assert answers == [204]


def until_waiting(engine: Engine) -> None:
    waiting = text(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        until(lambda: connection.scalar(waiting), 60, "somebody who waits")


def test_a_purge_that_cannot_reach_the_store_is_done_later(
    person: Person, media: Path, engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    video_id = person.ready(media / "clip.mp4")

    def away(_self: Storage, _prefix: str) -> int:
        raise TransientError("storage_unavailable", "Away.")

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "delete_prefix", away)
        assert person.delete(f"/videos/{video_id}").status_code == 204
    assert code(person.get(f"/videos/{video_id}")) == (404, "not_found")
    assert len(keys(settings)) == 2
    with transaction(engine) as session:
        session.execute(update(Video).values(deleted_at=func.now() - timedelta(hours=2)))
    assert purged(engine, settings) == 1
    assert keys(settings) == set()


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
