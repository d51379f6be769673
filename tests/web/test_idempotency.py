"""Idempotency-Key: a creating request that comes twice is done once."""

import threading
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select
from werkzeug.test import TestResponse

from shared.db import transaction
from shared.models import IdempotencyKey, Job
from tests.factories import a_video
from tests.web.conftest import Person, code

pytestmark = pytest.mark.usefixtures("served")


def order(person: Person, video: UUID, key: str, language: str = "es") -> TestResponse:
    body = {"video_id": str(video), "target_languages": [language], "source_language": "en"}
    return person.post("/dubbing-jobs", json=body, headers={"Idempotency-Key": key})


def count(engine: Engine, table: type) -> int:
    with transaction(engine) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_the_second_gets_the_first_answer(person: Person, video: UUID, engine: Engine) -> None:
    first, second = order(person, video, "a-key"), order(person, video, "a-key")
    assert first.status_code == second.status_code == 202
    assert first.data == second.data
    assert first.headers["Location"] == second.headers["Location"]
    assert count(engine, Job) == 1


def test_another_body_under_the_same_key_is_refused(person: Person, video: UUID, engine: Engine) -> None:
    order(person, video, "a-key")
    assert code(order(person, video, "a-key", "ca")) == (409, "idempotency_key_reused")
    assert count(engine, Job) == 1


def test_the_order_of_the_fields_does_not_matter(person: Person, video: UUID, engine: Engine) -> None:
    order(person, video, "a-key")
    body = {"source_language": "en", "target_languages": ["es"], "video_id": str(video)}
    assert person.post("/dubbing-jobs", json=body, headers={"Idempotency-Key": "a-key"}).status_code == 202
    assert count(engine, Job) == 1


def test_keys_are_the_users_own(person: Person, stranger: Person, video: UUID, engine: Engine) -> None:
    order(person, video, "a-key")
    assert order(stranger, a_video(engine, stranger.id), "a-key").status_code == 202
    assert count(engine, Job) == 2


def test_a_refused_request_keeps_no_key(person: Person, video: UUID, engine: Engine) -> None:
    assert code(order(person, video, "a-key", "de")) == (422, "unsupported_language_pair")
    assert count(engine, IdempotencyKey) == 0
    assert order(person, video, "a-key").status_code == 202


def test_a_concurrent_twin_waits_for_the_first(person: Person, video: UUID, engine: Engine) -> None:
    answers: list[TestResponse] = []
    threads = [threading.Thread(target=lambda: answers.append(order(person, video, "a-key"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.data for answer in answers}) == 1
    assert count(engine, Job) == 1


@pytest.mark.parametrize("key", ["", "a" * 256, "with space", "ключ"])
def test_a_key_that_is_none(person: Person, video: UUID, engine: Engine, key: str) -> None:
    assert code(order(person, video, key.encode().decode("latin-1"))) == (422, "invalid_request")
    assert count(engine, Job) == 0


def test_one_key_on_two_jobs(person: Person, video: UUID, engine: Engine) -> None:
    jobs = [order(person, video, f"order-{n}").json["job_id"] for n in range(2)]  # type: ignore[index]
    for job in jobs:
        person.post(f"/dubbing-jobs/{job}/cancel")
    retries = [person.post(f"/dubbing-jobs/{job}/retry", headers={"Idempotency-Key": "again"}) for job in jobs]
    assert retries[0].status_code == 202
    assert code(retries[1]) == (409, "idempotency_key_reused")
    again = person.post(f"/dubbing-jobs/{jobs[0]}/retry", headers={"Idempotency-Key": "again"})
    assert again.data == retries[0].data
