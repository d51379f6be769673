"""A video whose bytes are there: probed once, READY or REJECTED for good."""

import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from flask import Flask
from sqlalchemy import Engine, text, update

from shared.config import Settings
from shared.db import transaction
from shared.models import Video
from shared.storage import Storage, original_key, thumbnail_key
from tests.media import ffmpeg
from tests.web.conftest import Person, code
from tests.web.videos import ANNOUNCED, uploaded


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
