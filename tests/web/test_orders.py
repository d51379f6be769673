"""Dubbing jobs ordered over HTTP: what is taken, what is refused, and what the row holds then."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Engine, func, select, update

from shared import languages
from shared.config import Settings
from shared.db import transaction
from shared.models import Job
from tests.factories import a_video
from tests.web.conftest import SLOTS, Person, code
from tests.web.orders import SRT, UNTIMED, messages, order

NAMED: dict[str, Any] = {"segments": [{"text": "Hello there.", "speaker": "Ana"}]}


@pytest.mark.usefixtures("served")
def test_order(person: Person, video: UUID, settings: Settings, engine: Engine) -> None:
    answer = order(
        person,
        video,
        target_languages=["ES", "ca"],
        source_transcript=SRT,
        background="keep",
        voices={"default": "fake:ana", "S1": "fake:pau", "S2": "auto"},
        speakers=2,
    )
    assert answer.status_code == 202
    body = answer.json
    assert body
    assert answer.headers["Location"] == f"/dubbing-jobs/{body['job_id']}"
    assert (body["status"], body["progress"], body["stage"], body["attempt"]) == ("PENDING", 0.0, None, 0)
    assert body["video_id"] == str(video)
    assert [dub["language"] for dub in body["dubs"]] == ["es", "ca"]
    assert body["original_s3_path"] == f"s3://{settings.s3_bucket}/originals/{video}"
    assert {body[name] for name in ("error", "result_s3_path", "eta_seconds", "started_at", "completed_at")} == {None}
    with transaction(engine) as session:
        job = session.get_one(Job, UUID(body["job_id"]))
        assert job.options == {
            "voices": {"default": "fake:ana", "S1": "fake:pau", "S2": "auto"},
            "background": "keep",
            "subtitles": "embedded",
            "bilingual": False,
            "outputs": ["video_per_language", "audio", "subtitles"],
            "fit": "audio",
            "audio_track": None,
            "range": None,
            "preview": False,
            "speakers": 2,
            "voice_consent": False,
            "glossary": {},
            "registers": {},
            "listen_back": None,
        }
        assert job.source_transcript
        assert job.source_transcript["lines"][0]["text"] == "Hello there."
        assert job.wake_sent_at is not None
        assert job.wakes == 1
    assert messages(settings) == [UUID(body["job_id"])]
    assert person.get(answer.headers["Location"]).json == body


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"target_languages": ["de"]}, "unsupported_language_pair"),
        ({"target_languages": ["fr"]}, "unsupported_language_pair"),  # translated, but no voice speaks it
        ({"target_languages": ["en"]}, "unsupported_language_pair"),
        ({"target_languages": ["es", "de"]}, "unsupported_language_pair"),
        ({"target_languages": ["es", "ES"]}, "duplicate_language"),
        ({"target_languages": ["es", "es-MX"]}, "duplicate_language"),
        ({"target_languages": ["es-ES", "es-MX"]}, "duplicate_language"),
        ({"target_languages": ["de-AT"]}, "unsupported_language_pair"),
        ({"source_language": "fr", "target_languages": ["ca"]}, "unsupported_language_pair"),
        ({"target_languages": ["not a language"]}, "invalid_language"),
        ({"target_languages": []}, "invalid_request"),
        ({"target_languages": "es"}, "invalid_request"),
        ({"source_language": None}, "source_language_required"),
        ({"source_language": None, "source_transcript": SRT}, "source_language_required"),
        ({"source_language": "es", "target_languages": ["ca"]}, "unsupported_source_language"),
        (
            {"source_language": "es", "target_languages": ["ca"], "source_transcript": UNTIMED},
            "transcript_times_required",
        ),
        ({"source_transcript": "nothing but words --> and arrows"}, "invalid_transcript"),
        ({"source_transcript": {"colour": "red"}}, "invalid_transcript"),
        ({"source_transcript": '{"segments": [{"text": "half \\ud800"}]}'}, "invalid_transcript"),
        ({"source_transcript": ""}, "invalid_request"),
        ({"source_transcript": 7}, "invalid_request"),
        ({"source_transcript": {"segments": [{"text": "word " * 40}]}}, "transcript_too_long"),
        ({"source_transcript": SRT.replace("00:00", "00:10")}, "transcript_does_not_match"),
        ({"source_transcript": NAMED, "voices": {"S2": "fake:ana"}}, "unknown_speaker"),
        ({"speakers": 0}, "invalid_request"),
        ({"speakers": 21}, "invalid_request"),
        ({"speakers": "2"}, "invalid_request"),
        ({"voices": {"default": "clone"}}, "voice_consent_required"),
        ({"voices": {"default": "clone"}, "voice_consent": "yes"}, "invalid_request"),
        ({"voices": {"S1": "clone"}, "voice_consent": True, "target_languages": ["ca"]}, "cloning_not_offered"),
        ({"glossary": {"term": 1}}, "invalid_request"),
        ({"glossary": {"": "empty"}}, "invalid_request"),
        ({"glossary": {str(number): None for number in range(201)}}, "invalid_request"),
        ({"glossary": {"half \ud800": None}}, "invalid_request"),
        ({"registers": {"default": "rude"}}, "invalid_request"),
        ({"source_transcript": NAMED, "registers": {"S2": "formal"}}, "unknown_speaker"),
        ({"voices": {"default": "fake:nobody"}}, "unknown_voice"),
        ({"voices": {"S1": "fake:pau"}}, "voice_language_mismatch"),
        ({"voices": {"S1": 1}}, "invalid_request"),
        ({"background": "loud"}, "invalid_request"),
        ({"colour": "red"}, "invalid_request"),
        ({"target_languages": ["es"] * 51}, "invalid_request"),
        (
            {"target_languages": ["es", "ca", "fr", "de", "it", "pt", "nl", "sv", "da", "fi", "pl"]},
            "too_many_languages",
        ),
    ],
)
def test_order_refuses(
    person: Person, video: UUID, engine: Engine, settings: Settings, fields: dict[str, Any], expected: str
) -> None:
    assert code(order(person, video, **fields)) == (422, expected)
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 0
    assert messages(settings) == []


@pytest.mark.usefixtures("served")
def test_what_is_served_is_named(person: Person, video: UUID) -> None:
    document = order(person, video, target_languages=["de"]).get_json(force=True)
    assert document["unsupported"] == ["de"]
    assert {"source": "en", "targets": ["ca", "es"]} in document["supported"]


@pytest.mark.usefixtures("served")
def test_a_region_falls_back_to_what_is_served(person: Person, video: UUID, engine: Engine) -> None:
    job = order(person, video, source_language="en-US", target_languages=["es-mx", "ca-ES"]).json
    assert job
    assert job["source_language"] == "en"
    assert [dub["language"] for dub in job["dubs"]] == ["es", "ca"]
    with transaction(engine) as session:
        voice = {"voice_id": "fake:eva", "name": "Eva", "languages": ["es-MX"], "gender": None}
        mexican = {"engines": ["fake"], "voices": [*SLOTS["speech_synthesis"]["voices"], voice]}
        pairs = {"engines": ["fake"], "pairs": [["en", "es"], ["en", "es-MX"]]}
        languages.publish(session, {**SLOTS, "translation": pairs, "speech_synthesis": mexican})
    both = order(person, video, target_languages=["es", "es-MX"], voices={"default": "fake:eva"}).json
    assert both
    assert [dub["language"] for dub in both["dubs"]] == ["es", "es-MX"]


@pytest.mark.usefixtures("served")
def test_a_transcript_that_is_not_the_videos(person: Person, video: UUID) -> None:
    """The video lasts three seconds."""
    late = order(person, video, source_transcript={"segments": [{"text": "Good night.", "start": 7, "end": 8}]})
    assert code(late) == (422, "transcript_does_not_match")
    detail = late.get_json(force=True)["detail"]
    assert "Good night." in detail
    assert "7.0" in detail
    assert "3.0" in detail
    for characters, status in ((180, 202), (181, 422)):
        given = {"segments": [{"text": "x" * characters}]}
        assert order(person, video, source_transcript=given).status_code == status


@pytest.mark.usefixtures("served")
def test_a_voice_for_a_speaker(person: Person, video: UUID) -> None:
    two = {"segments": [{"text": "Hello.", "speaker": "Ana"}, {"text": "Hi.", "speaker": "Pau"}]}
    refused = order(person, video, source_transcript=two, voices={"Eva": "fake:ana"})
    assert code(refused) == (422, "unknown_speaker")
    assert refused.get_json(force=True)["speakers"] == ["Ana", "Pau"]
    assert order(person, video, source_transcript=two, voices={"Ana": "fake:ana"}).status_code == 202
    assert order(person, video, voices={"S7": "fake:ana"}).status_code == 202
    assert order(person, video, source_transcript=SRT, voices={"S2": "fake:ana"}).status_code == 202, "told by voice"


@pytest.mark.usefixtures("served")
def test_a_cloned_voice_a_glossary_and_registers(person: Person, video: UUID, engine: Engine) -> None:
    answer = order(
        person,
        video,
        target_languages=["es", "ca"],
        voices={"S1": "clone"},
        voice_consent=True,
        glossary={" One  Voice ": None, "dub": " doblaje ", "plain": ""},
        registers={"default": "formal", "S2": "informal"},
    )
    assert answer.status_code == 202
    assert answer.json
    with transaction(engine) as session:
        options = session.get_one(Job, UUID(answer.json["job_id"])).options
    assert options["voices"] == {"S1": "clone"}
    assert options["voice_consent"] is True
    assert options["glossary"] == {"One Voice": None, "dub": "doblaje", "plain": None}
    assert options["registers"] == {"default": "formal", "S2": "informal"}


@pytest.mark.usefixtures("served")
def test_if_match_is_not_looked_at(person: Person, video: UUID) -> None:
    address = order(person, video).headers["Location"]
    answer = person.get(address, headers={"If-Match": '"another"'})
    assert answer.status_code == 200
    tag = answer.headers["ETag"]
    assert person.get(address, headers={"If-Match": '"another"', "If-None-Match": tag}).status_code == 304


@pytest.mark.usefixtures("served")
def test_a_transcript_opens_more_languages(person: Person, video: UUID) -> None:
    given = order(person, video, source_language="es", target_languages=["ca"], source_transcript=SRT)
    assert given.status_code == 202
    untimed = order(person, video, source_transcript=UNTIMED)
    assert untimed.status_code == 202


def test_the_source_may_be_left_out_where_an_engine_detects_it(person: Person, video: UUID, engine: Engine) -> None:
    with transaction(engine) as session:
        slot = {**SLOTS["speech_recognition"], "detects_language": True}
        languages.publish(session, {**SLOTS, "speech_recognition": slot})
    assert order(person, video, source_language=None).status_code == 202
    assert code(order(person, video, source_language=None, target_languages=["de"])) == (
        422,
        "unsupported_language_pair",
    )
    assert code(order(person, video, source_language=None, source_transcript=SRT)) == (422, "source_language_required")


def test_no_worker_has_spoken_yet(person: Person, video: UUID) -> None:
    answer = order(person, video)
    assert code(answer) == (503, "engines_unknown")
    assert answer.headers["Retry-After"]


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("status", ["AWAITING_UPLOAD", "REJECTED"])
def test_a_video_that_is_not_ready(person: Person, engine: Engine, status: str) -> None:
    answer = order(person, a_video(engine, person.id, status=status))
    assert code(answer) == (409, "video_not_ready")
    assert answer.get_json(force=True)["video_status"] == status
    assert ("as a new video" in answer.get_json(force=True)["detail"]) == (status == "REJECTED")


@pytest.mark.usefixtures("served")
def test_a_video_that_is_too_long_by_now(person: Person, engine: Engine) -> None:
    assert code(order(person, a_video(engine, person.id, duration_seconds=3 * 3600 + 1))) == (422, "too_long")


@pytest.mark.usefixtures("served")
def test_a_video_of_another(person: Person, engine: Engine) -> None:
    assert code(order(person, a_video(engine))) == (404, "not_found")
    assert code(order(person, uuid4())) == (404, "not_found")


@pytest.mark.usefixtures("served")
def test_the_queue_may_be_away(
    make_app: Callable[[Settings], Flask],
    make_settings: Callable[..., Settings],
    sign_in: Callable[[Flask], Person],
    engine: Engine,
) -> None:
    """The row is what counts: the sweep will send the wake-up."""
    person = sign_in(
        make_app(make_settings(sqs_endpoint_url="http://127.0.0.1:1", sqs_queue_url="http://127.0.0.1:1/q"))
    )
    answer = order(person, a_video(engine, person.id))
    assert answer.status_code == 202
    with transaction(engine) as session:
        assert session.scalars(select(Job.wake_sent_at)).one() is None


@pytest.mark.usefixtures("served")
def test_the_limit_of_live_jobs_holds_for_orders_at_once(
    make_app: Callable[[Settings], Flask],
    make_settings: Callable[..., Settings],
    sign_in: Callable[[Flask], Person],
    engine: Engine,
) -> None:
    app = make_app(make_settings(max_live_jobs=2))
    person, other = sign_in(app), sign_in(app)
    video_id = a_video(engine, person.id)
    statuses: list[int] = []

    def ask() -> None:
        mine = Person(person.id, app.test_client(), person.headers)
        statuses.append(order(mine, video_id).status_code)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [202, 202, 429, 429, 429, 429]
    refused = order(person, video_id)
    assert code(refused) == (429, "too_many_jobs")
    assert refused.headers["Retry-After"]
    assert order(other, a_video(engine, other.id)).status_code == 202
    with transaction(engine) as session:
        session.execute(update(Job).where(Job.user_id == person.id).values(status="COMPLETED"))
    assert order(person, video_id).status_code == 202


@pytest.mark.usefixtures("served")
def test_an_order_and_a_deletion_at_once(app: Flask, person: Person, engine: Engine) -> None:
    """The video is gone in any case; a job that came first is canceled with it."""
    for _ in range(5):
        video_id = a_video(engine, person.id)
        answers: dict[str, int] = {}

        def ordering(video_id: UUID = video_id, answers: dict[str, int] = answers) -> None:
            answers["order"] = order(Person(person.id, app.test_client(), person.headers), video_id).status_code

        def deleting(video_id: UUID = video_id, answers: dict[str, int] = answers) -> None:
            mine = Person(person.id, app.test_client(), person.headers)
            answers["delete"] = mine.delete(f"/videos/{video_id}").status_code

        threads = [threading.Thread(target=target) for target in (ordering, deleting)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers in ({"order": 202, "delete": 204}, {"order": 404, "delete": 204})
        assert code(person.get(f"/videos/{video_id}")) == (404, "not_found")
        with transaction(engine) as session:
            ordered = session.scalars(select(Job).where(Job.video_id == video_id)).all()
        assert all(job.deleted_at is not None and job.status == "CANCELED" for job in ordered)


def test_media_is_not_needed_to_order(media: Path, person: Person, served: None) -> None:
    """The whole way once: upload, told, ordered."""
    video_id = UUID(person.ready(media / "clip.mp4"))
    assert order(person, video_id).status_code == 202
