"""Another round of a job that is over: retry, and more languages."""

import threading
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, update
from werkzeug.test import TestResponse

from shared.config import Settings
from shared.db import transaction
from shared.dubbing import dubs, jobs, leases
from shared.errors import LeaseLostError
from shared.models import Dub, Job, Video
from tests.factories import a_job
from tests.web.conftest import Person, code
from tests.web.orders import SRT, UNTIMED, messages, order

pytestmark = pytest.mark.usefixtures("served")


def ended(engine: Engine, settings: Settings, job_id: UUID, *ready: str, failed: tuple[str, ...] = ()) -> None:
    """Run the job as a worker would: `ready` languages succeed, `failed` ones do not."""
    with transaction(engine) as session:
        held = leases.claim(session, job_id, settings)
        assert held
        for language in ready:
            dubs.finish(session, held, language, f"s3://b/{language}/", [a_result(language)])
        for language in failed:
            dubs.fail(session, held, language, ("translation_too_long", "It does not fit."))
        jobs.finish(session, held, settings)


def a_result(language: str) -> dubs.NewResult:
    return dubs.NewResult(language, "dubbed_video", f"results/{language}.mp4", f"a.{language}.mp4", "video/mp4", 9)


def more(person: Person, job_id: object, *languages: str, **fields: Any) -> TestResponse:
    return person.post(f"/dubbing-jobs/{job_id}/languages", json={"target_languages": languages, **fields})


def test_retry_runs_only_what_failed(person: Person, video: UUID, engine: Engine, settings: Settings) -> None:
    job = a_job(engine, "es", "ca", video_id=video)
    ended(engine, settings, job, "es", failed=("ca",))
    before = person.get(f"/dubbing-jobs/{job}").json
    assert before
    assert before["expires_at"]
    answer = person.post(f"/dubbing-jobs/{job}/retry")
    assert answer.status_code == 202
    body = answer.json
    assert body
    assert (body["status"], body["round"], body["progress"], body["error"]) == ("PENDING", 2, 0.0, None)
    assert body["expires_at"] is None
    assert [(dub["language"], dub["status"], dub["round"]) for dub in body["dubs"]] == [
        ("es", "COMPLETED", 1),
        ("ca", "PENDING", 2),
    ]
    assert messages(settings) == [job]
    assert len(person.get(f"/dubbing-jobs/{job}/results").json["items"]) == 1  # type: ignore[index]
    ended(engine, settings, job, "ca")
    body = person.get(f"/dubbing-jobs/{job}").json
    assert body
    assert (body["status"], body["attempt"]) == ("COMPLETED", 2)
    assert code(person.post(f"/dubbing-jobs/{job}/retry")) == (409, "invalid_state")


def test_retry_counts_troubles_anew(person: Person, video: UUID, engine: Engine, settings: Settings) -> None:
    job = a_job(engine, video_id=video, crashes=3, transient_failures=7)
    ended(engine, settings, job, failed=("es",))
    assert person.post(f"/dubbing-jobs/{job}/retry").status_code == 202
    with transaction(engine) as session:
        row = session.get_one(Job, job)
        assert (row.crashes, row.transient_failures, row.cancel_requested_at) == (0, 0, None)


def test_a_canceled_job_can_be_tried_again(person: Person, video: UUID, engine: Engine) -> None:
    job = a_job(engine, video_id=video)
    assert person.post(f"/dubbing-jobs/{job}/cancel").json["status"] == "CANCELED"  # type: ignore[index]
    assert person.post(f"/dubbing-jobs/{job}/retry").json["status"] == "PENDING"  # type: ignore[index]


def test_a_cancel_on_the_last_step_is_too_late(person: Person, video: UUID, engine: Engine, settings: Settings) -> None:
    job = a_job(engine, video_id=video)
    with transaction(engine) as session:
        held = leases.claim(session, job, settings)
        assert held
        dubs.finish(session, held, "es", "s3://b/es/", [a_result("es")])
    assert code(person.post(f"/dubbing-jobs/{job}/cancel")) == (409, "invalid_state")
    with transaction(engine) as session:
        assert jobs.finish(session, held, settings) == "COMPLETED"


def test_nothing_gets_ready_once_cancel_was_asked(
    person: Person, video: UUID, engine: Engine, settings: Settings
) -> None:
    job = a_job(engine, video_id=video)
    with transaction(engine) as session:
        held = leases.claim(session, job, settings)
        assert held
    assert person.post(f"/dubbing-jobs/{job}/cancel").status_code == 202
    with pytest.raises(LeaseLostError), transaction(engine) as session:
        dubs.finish(session, held, "es", "s3://b/es/", [a_result("es")])


def test_a_live_job_is_not_reopened(person: Person, video: UUID, engine: Engine) -> None:
    job = a_job(engine, video_id=video)
    assert code(person.post(f"/dubbing-jobs/{job}/retry")) == (409, "invalid_state")
    assert code(more(person, job, "ca")) == (409, "invalid_state")


def test_two_retries_at_once_open_one_round(person: Person, video: UUID, engine: Engine, settings: Settings) -> None:
    job = a_job(engine, video_id=video)
    ended(engine, settings, job, failed=("es",))
    answers: list[int] = []

    def retry() -> None:
        answers.append(person.post(f"/dubbing-jobs/{job}/retry").status_code)

    threads = [threading.Thread(target=retry) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [202, 409, 409, 409]
    with transaction(engine) as session:
        assert session.get_one(Job, job).round == 2


def test_a_language_is_added(person: Person, video: UUID, engine: Engine, settings: Settings) -> None:
    job = a_job(engine, "es", video_id=video)
    ended(engine, settings, job, "es")
    wishes = {"glossary": {"dub": None}, "registers": {"S1": "formal"}}
    answer = more(person, job, "ca-ES", voices={"default": "fake:pau"}, **wishes)
    assert answer.status_code == 202
    assert [(dub["language"], dub["status"]) for dub in answer.json["dubs"]] == [  # type: ignore[index]
        ("es", "COMPLETED"),
        ("ca", "PENDING"),
    ]
    with transaction(engine) as session:
        options = session.get_one(Job, job).options
        assert options["voices_for"] == {"ca": {"default": "fake:pau"}}
        assert (options["glossary_for"], options["registers_for"]) == ({"ca": {"dub": None}}, {"ca": {"S1": "formal"}})
    ended(engine, settings, job, "ca")
    assert person.get(f"/dubbing-jobs/{job}").json["status"] == "COMPLETED"  # type: ignore[index]


def test_a_failed_addition_leaves_the_job_completed(
    person: Person, video: UUID, engine: Engine, settings: Settings
) -> None:
    job = a_job(engine, "es", video_id=video)
    ended(engine, settings, job, "es")
    more(person, job, "ca")
    ended(engine, settings, job, failed=("ca",))
    body = person.get(f"/dubbing-jobs/{job}").json
    assert body
    assert body["status"] == "COMPLETED"
    assert body["dubs"][1]["error"]["code"] == "translation_too_long"


@pytest.mark.parametrize(
    ("languages", "fields", "expected"),
    [
        (["es"], {}, (409, "duplicate_language")),
        (["es-MX"], {}, (409, "duplicate_language")),
        (["ca", "ca"], {}, (422, "duplicate_language")),
        (["de"], {}, (422, "unsupported_language_pair")),
        ([], {}, (422, "invalid_request")),
        (["ca"], {"voices": {"default": "fake:ana"}}, (422, "voice_language_mismatch")),
        (["ca"], {"voices": {"default": "clone"}}, (422, "voice_consent_required")),
        (["ca"], {"voices": {"default": "clone"}, "voice_consent": True}, (422, "cloning_not_offered")),
        (["ca"], {"target_transcripts": {"es": SRT}}, (422, "unknown_target_transcript")),
        (["ca"], {"source_language": "en"}, (422, "invalid_request")),
    ],
)
def test_what_can_not_be_added(
    person: Person,
    video: UUID,
    engine: Engine,
    settings: Settings,
    languages: list[str],
    fields: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    job = a_job(engine, "es", video_id=video)
    ended(engine, settings, job, "es")
    assert code(more(person, job, *languages, **fields)) == expected
    with transaction(engine) as session:
        assert session.get_one(Job, job).round == 1


def test_another_users_job_and_a_deleted_one_are_nowhere(
    person: Person, stranger: Person, video: UUID, engine: Engine, settings: Settings
) -> None:
    job = a_job(engine, "es", video_id=video)
    ended(engine, settings, job, failed=("es",))
    calls = [("/retry", None), ("/languages", {"target_languages": ["ca"]}), ("/cancel", None)]
    for path, body in calls:
        assert code(stranger.post(f"/dubbing-jobs/{job}{path}", json=body)) == (404, "not_found")
        assert code(person.post(f"/dubbing-jobs/{uuid4()}{path}", json=body)) == (404, "not_found")
    with transaction(engine) as session:
        session.execute(update(Video).where(Video.id == video).values(deleted_at=Video.created_at))
        session.execute(update(Job).where(Job.job_id == job).values(deleted_at=Job.created_at))
    for path, body in calls:
        assert code(person.post(f"/dubbing-jobs/{job}{path}", json=body)) == (404, "not_found")
    assert code(person.get(f"/dubbing-jobs/{job}")) == (404, "not_found")
    assert code(order(person, video)) == (404, "not_found")
    assert person.get("/dubbing-jobs").json["items"] == []  # type: ignore[index]


def test_an_expired_job_is_over_for_good(person: Person, video: UUID, engine: Engine, settings: Settings) -> None:
    job = a_job(engine, "es", "ca", video_id=video)
    ended(engine, settings, job, "es", failed=("ca",))
    with transaction(engine) as session:
        session.execute(update(Job).values(expires_at=Job.created_at))
    assert code(person.post(f"/dubbing-jobs/{job}/retry")) == (409, "job_expired")
    assert code(more(person, job, "ca")) == (409, "job_expired")


def test_the_limit_of_live_jobs_counts_rounds(person: Person, video: UUID, engine: Engine, settings: Settings) -> None:
    job = a_job(engine, "es", video_id=video)
    ended(engine, settings, job, failed=("es",))
    for _ in range(settings.max_live_jobs):
        a_job(engine, video_id=video)
    assert code(person.post(f"/dubbing-jobs/{job}/retry")) == (429, "too_many_jobs")
    assert code(more(person, job, "ca")) == (429, "too_many_jobs")
    with transaction(engine) as session:
        assert {dub.status for dub in session.get_one(Job, job).dubs} == {"FAILED"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"range": {"start": 1.0, "end": 1.5}}, "invalid_range"),
        ({"range": {"start": 2.5, "end": 9.0}}, "invalid_range"),
        ({"range": {"start": 2.0, "end": 1.0}}, "invalid_range"),
        ({"range": {"start": -1, "end": 1.0}}, "invalid_request"),
        ({"range": {"start": 0}}, "invalid_request"),
        ({"range": {"start": 0, "end": 2}, "preview": True}, "invalid_range"),
        ({"preview": "yes"}, "invalid_request"),
        (
            {"source_transcript": SRT, "target_transcripts": {"es": {"segments": [{"text": "a"}, {"text": "b"}]}}},
            "target_transcript_mismatch",
        ),
        ({"preview": True, "source_transcript": UNTIMED}, "excerpt_needs_times"),
        ({"range": {"start": 0, "end": 2}, "target_transcripts": {"es": UNTIMED}}, "excerpt_needs_times"),
        ({"subtitles": "burned"}, "invalid_request"),
        ({"outputs": []}, "invalid_request"),
        ({"outputs": ["video"]}, "invalid_request"),
        ({"fit": "both"}, "invalid_request"),
        ({"bilingual": 1}, "invalid_request"),
        ({"audio_track": 0}, "invalid_request"),
        ({"audio_track": True}, "invalid_request"),
        ({"audio_track": "1"}, "invalid_request"),
        ({"outputs": ["audio", "multi_audio_video"], "fit": "video"}, "outputs_conflict"),
        ({"outputs": ["audio", "multi_audio_video"], "subtitles": "burned_in"}, "outputs_conflict"),
        ({"bilingual": True, "subtitles": "none"}, "outputs_conflict"),
        ({"target_transcripts": {"ca": SRT}}, "unknown_target_transcript"),
        ({"target_transcripts": {"es": SRT, "ES": SRT}}, "duplicate_language"),
        ({"target_transcripts": {"es": "nothing"}}, "invalid_transcript"),
        ({"target_languages": ["fr"], "target_transcripts": {"fr": SRT}}, "unsupported_language_pair"),
        ({"target_transcripts": {"es": SRT}, "voices": {"Bob": "fake:ana"}}, "unknown_speaker"),
    ],
)
def test_parts_and_given_translations_that_are_refused(
    person: Person, video: UUID, fields: dict[str, Any], expected: str
) -> None:
    assert code(order(person, video, **fields)) == (422, expected)


def test_a_part_with_a_given_translation(person: Person, video: UUID, engine: Engine) -> None:
    answer = order(
        person,
        video,
        target_languages=["es-MX"],
        target_transcripts={"es-MX": SRT},
        range={"start": 1, "end": 99},
        subtitles="files",
    )
    assert answer.status_code == 202, answer.json
    body = answer.json
    assert body
    assert body["range"] == {"start": 1.0, "end": 3.0}
    with transaction(engine) as session:
        job = session.get_one(Job, UUID(body["job_id"]))
        assert job.options["subtitles"] == "files"
        dub: Dub = job.dubs[0]
        assert dub.transcript
        assert dub.transcript["lines"][0]["text"] == "Hello there."


@pytest.mark.parametrize("fields", [{"fit": "video"}, {"subtitles": "burned_in"}])
def test_sound_alone_has_no_picture_to_slow_or_draw_on(
    person: Person, video: UUID, engine: Engine, fields: dict[str, Any]
) -> None:
    with transaction(engine) as session:
        session.get_one(Video, video).has_video = False
    assert code(order(person, video, **fields)) == (422, "no_picture")


def test_the_files_that_are_asked_for_are_kept_once_each(person: Person, video: UUID, engine: Engine) -> None:
    answer = order(person, video, outputs=["stems", "audio", "stems"], fit="video", bilingual=True, audio_track=2)
    assert answer.status_code == 202, answer.json
    assert answer.json
    with transaction(engine) as session:
        options = session.get_one(Job, UUID(answer.json["job_id"])).options
    assert options["outputs"] == ["stems", "audio"]
    assert (options["fit"], options["bilingual"], options["audio_track"]) == ("video", True, 2)
