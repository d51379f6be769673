"""Dubbing jobs over HTTP: watched, listed, canceled, fetched."""

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, update

from shared.config import Settings
from shared.db import transaction
from shared.dubbing import leases
from shared.models import Dub, Job, Result
from shared.storage import Storage, results_prefix
from tests.factories import a_video
from tests.web.conftest import Person, code
from tests.web.orders import order


@pytest.fixture
def job(person: Person, video: UUID, served: None) -> UUID:
    return UUID((order(person, video, target_languages=["es", "ca"]).json or {})["job_id"])


def test_watch(person: Person, job: UUID, engine: Engine) -> None:
    first = person.get(f"/dubbing-jobs/{job}")
    assert first.headers["Retry-After"]
    unchanged = person.get(f"/dubbing-jobs/{job}", headers={"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    with transaction(engine) as session:
        session.execute(
            update(Job).values(progress=0.5, stage="translate", error_code="timeout", error_message="Later.")
        )
    running = person.get(f"/dubbing-jobs/{job}", headers={"If-None-Match": first.headers["ETag"]})
    assert running.status_code == 200
    assert running.json
    assert (running.json["progress"], running.json["stage"], running.json["error"]) == (0.5, "translate", None)
    with transaction(engine) as session:
        session.execute(update(Job).values(status="FAILED", stage=None))
        session.execute(update(Dub).values(status="FAILED", error_code="timeout", error_message="Later."))
    over = person.get(f"/dubbing-jobs/{job}")
    assert "Retry-After" not in over.headers
    assert over.json
    assert over.json["error"] == over.json["dubs"][1]["error"] == {"code": "timeout", "message": "Later."}


def test_list(person: Person, job: UUID, engine: Engine, stranger: Person) -> None:
    other_video = a_video(engine, person.id)
    newer = [(order(person, other_video).json or {})["job_id"] for _ in range(2)]
    with transaction(engine) as session:
        session.execute(update(Job).where(Job.job_id == job).values(status="FAILED"))

    def listed(query: str = "") -> list[str]:
        page = person.get(f"/dubbing-jobs{query}").json
        assert page
        return [item["job_id"] for item in page["items"]]

    assert listed() == [newer[1], newer[0], str(job)]
    assert listed("?status=FAILED") == [str(job)]
    assert listed(f"?video_id={other_video}") == newer[::-1]
    assert listed(f"?video_id={other_video}&status=FAILED") == []
    first = person.get("/dubbing-jobs?limit=2").json
    assert first
    assert listed(f"?limit=2&cursor={first['next_cursor']}") == [str(job)]
    assert code(person.get("/dubbing-jobs?status=DONE")) == (422, "invalid_request")
    assert (stranger.get("/dubbing-jobs").json or {})["items"] == []


def test_cancel_what_waits(person: Person, job: UUID) -> None:
    answer = person.post(f"/dubbing-jobs/{job}/cancel")
    assert answer.status_code == 202
    assert answer.json
    assert answer.json["status"] == "CANCELED"
    assert [dub["status"] for dub in answer.json["dubs"]] == ["CANCELED", "CANCELED"]
    again = person.post(f"/dubbing-jobs/{job}/cancel")
    assert code(again) == (409, "invalid_state")
    assert again.get_json(force=True)["job_status"] == "CANCELED"


def test_cancel_what_runs(person: Person, job: UUID, engine: Engine, settings: Settings) -> None:
    with transaction(engine) as session:
        assert leases.claim(session, job, settings)
    for _ in range(2):
        answer = person.post(f"/dubbing-jobs/{job}/cancel")
        assert (answer.status_code, (answer.json or {})["status"]) == (202, "PROCESSING")
    with transaction(engine) as session:
        assert session.get_one(Job, job).cancel_requested_at is not None


def test_results(person: Person, job: UUID, engine: Engine, settings: Settings) -> None:
    assert code(person.get(f"/dubbing-jobs/{job}/results")) == (409, "not_ready")
    key = f"{results_prefix(job)}es/dubbed.mp4"
    Storage(settings).put(key, b"a film", "video/mp4")
    with transaction(engine) as session:
        session.execute(update(Dub).where(Dub.language == "es").values(status="COMPLETED"))
        session.add(
            Result(
                job_id=job,
                language="es",
                kind="dubbed_video",
                key=key,
                filename="发言.es.mp4",
                content_type="video/mp4",
                size_bytes=6,
            )
        )
        session.add(
            Result(
                job_id=job,
                language=None,
                kind="source_subtitles",
                key=f"{results_prefix(job)}source.srt",
                filename="发言.en.srt",
                content_type="application/x-subrip",
                size_bytes=1,
            )
        )
    answer = person.get(f"/dubbing-jobs/{job}/results").json
    assert answer
    source, dubbed = answer["items"]
    assert (source["language"], source["kind"]) == (None, "source_subtitles")
    assert (dubbed["language"], dubbed["kind"], dubbed["filename"], dubbed["size_bytes"]) == (
        "es",
        "dubbed_video",
        "发言.es.mp4",
        6,
    )
    fetched = httpx.get(dubbed["url"])
    assert fetched.content == b"a film"
    assert "filename*=UTF-8''%E5%8F%91%E8%A8%80.es.mp4" in fetched.headers["content-disposition"]
    signed = parse_qs(urlsplit(dubbed["url"]).query)
    assert signed["X-Amz-Expires"] == [str(settings.presigned_url_seconds)]
