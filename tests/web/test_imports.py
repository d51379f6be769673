"""POST /videos/import: what may be named, and what is written."""

from uuid import UUID

import pytest
from sqlalchemy import select, update

from shared.db import transaction
from shared.models import Import, Video

URL = "https://films.example/a/Talk%20one.mp4?X-Amz-Signature=a%2Fb"


def test_an_import_is_accepted_and_shown(person, engine):
    answer = person.post("/videos/import", json={"url": URL})
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/videos/{answer.json['video_id']}"
    shown = person.get(answer.headers["Location"]).json
    assert shown == answer.json
    assert (shown["status"], shown["filename"], shown["title"]) == ("IMPORTING", "Talk one.mp4", "Talk one")
    assert (shown["size_bytes"], shown["error"]) == (None, None)
    with transaction(engine) as session:
        assert session.scalars(select(Import)).one().url == URL


def test_a_given_name_and_title_stay(person):
    answer = person.post("/videos/import", json={"url": URL, "filename": "../Vortrag.mp4", "title": "Über"})
    assert (answer.json["filename"], answer.json["title"]) == ("Vortrag.mp4", "Über")


def test_an_address_without_a_name_gets_one(person):
    assert person.post("/videos/import", json={"url": "https://films.example"}).json["filename"] == "upload"


def test_the_same_key_imports_once(person, engine):
    send = {"json": {"url": URL}, "headers": {"Idempotency-Key": "one"}}
    assert person.post("/videos/import", **send).data == person.post("/videos/import", **send).data
    with transaction(engine) as session:
        assert len(session.scalars(select(Import)).all()) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "file:///etc/passwd"}, "url_not_allowed"),
        ({"url": "ftp://films.example/a.mp4"}, "url_not_allowed"),
        ({"url": "s3://bucket/key"}, "url_not_allowed"),
        ({"url": "http://169.254.169.254/latest/meta-data/"}, "url_not_allowed"),
        ({"url": "http://localhost/a.mp4"}, "url_not_allowed"),
        ({"url": "http://127.1/a.mp4"}, "url_not_allowed"),
        ({"url": "http://0x7f000001/"}, "url_not_allowed"),
        ({"url": "http://[::ffff:10.0.0.1]/"}, "url_not_allowed"),
        ({"url": "https://user:secret@films.example/a.mp4"}, "url_not_allowed"),
        ({"url": "https://films.example:22/a.mp4"}, "url_not_allowed"),
        ({"url": "talk.mp4"}, "url_not_allowed"),
        ({"url": ""}, "invalid_request"),
        ({"url": "https://films.example/" + "a" * 8192}, "invalid_request"),
        ({"url": URL, "filename": ""}, "invalid_request"),
        ({"url": URL, "headers": {}}, "invalid_request"),
        ({"url": 7}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
def test_what_may_not_be_imported(person, engine, body, code):
    answer = person.post("/videos/import", json=body)
    assert (answer.status_code, answer.json["code"]) == (422, code)
    with transaction(engine) as session:
        assert session.scalars(select(Import)).all() == []


def test_an_import_is_no_upload(person):
    video_id = person.post("/videos/import", json={"url": URL}).json["video_id"]
    answer = person.post(f"/videos/{video_id}/uploaded")
    assert (answer.status_code, answer.json["code"]) == (409, "not_uploading")


def test_an_importing_video_can_be_deleted(person, stranger, engine):
    location = person.post("/videos/import", json={"url": URL}).headers["Location"]
    assert stranger.get(location).status_code == 404
    assert person.delete(location).status_code == 204
    assert person.get(location).status_code == 404


def test_the_imports_under_way_are_limited_and_show_what_came(person, engine, settings):
    answers = [
        person.post("/videos/import", json={"url": f"https://media.example.com/{number}.mp4"})
        for number in range(settings.max_live_jobs + 1)
    ]
    assert [answer.status_code for answer in answers[:-1]] == [202] * settings.max_live_jobs
    assert (answers[-1].status_code, answers[-1].json["code"]) == (429, "too_many_imports")
    assert person.get(answers[0].headers["Location"]).json["received_bytes"] == 0


def test_the_reason_for_trying_again_is_no_error(person, engine):
    video_id = person.post("/videos/import", json={"url": "https://films.example/a.mp4"}).json["video_id"]
    assert person.get(f"/videos/{video_id}").json["retry_reason"] is None
    with transaction(engine) as session:
        met = {"rejection_code": "url_unreachable", "rejection_message": "It does not answer."}
        session.execute(update(Video).where(Video.id == UUID(video_id)).values(**met))
    found = person.get(f"/videos/{video_id}").json
    assert (found["status"], found["error"]) == ("IMPORTING", None)
    assert found["retry_reason"] == {"code": "url_unreachable", "message": "It does not answer."}
