"""Ten thousand finished jobs: every question about them is answered through an index, at the price of ten."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, event, text

from shared.config import Settings
from shared.db import transaction
from shared.dubbing import leases
from shared.models import User, new_id
from shared.prepared import Prepared
from tests.web.conftest import Person
from web.database import db

GROWING = {"jobs", "dubs", "videos", "results"}
FEW, MANY = 10, 10_000

VIDEOS = """
insert into videos (id, user_id, status, title, filename, content_type, size_bytes, etag, duration_seconds, has_video,
    has_thumbnail)
select gen_random_uuid(), :user_id, 'READY', 'A talk', 'talk.mp4', 'video/mp4', 1000, '"0"', 60, true, false
from generate_series(1, :count)"""
# Ten jobs of each of the first videos; one in a hundred failed.
JOBS = """
insert into jobs (job_id, user_id, video_id, status, progress, source_language, original_s3_path, wakes, attempt,
    crashes, transient_failures, completed_at, expires_at)
select gen_random_uuid(), :user_id, video.id, case when number % 100 = 0 then 'FAILED' else 'COMPLETED' end, 1, 'en',
    's3://bucket/originals/' || video.id, 0, 1, 0, 0, now(), now() + interval '30 days'
from (select id, row_number() over (order by id) as place from videos where user_id = :user_id) as video
join generate_series(1, :count) as number on video.place = (number - 1) / 10 + 1"""
DUBS = """
insert into dubs (id, job_id, position, language, status, progress, completed_at)
select gen_random_uuid(), job_id, 0, 'es', status, 1, now() from jobs where user_id = :user_id"""
RESULTS = """
insert into results (id, job_id, language, kind, key, filename, content_type, size_bytes)
select gen_random_uuid(), job_id, 'es', kind, 'results/' || job_id || '/' || kind, kind, 'video/mp4', 1
from jobs, unnest(array['dubbed_video', 'report', 'transcript']) as kind where user_id = :user_id"""


@dataclass(frozen=True)
class Cost:
    """What a statement read: rows of the tables that grow, and how it got at each of them."""

    rows: float
    ways: frozenset[tuple[str, str]]


def fill(engine: Engine, user_id: UUID, count: int) -> None:
    """`count` videos and finished jobs for the user, a tenth of that for each of four others."""
    with transaction(engine) as session:
        others = [User(id=new_id(), email=f"{new_id()}@onevoice.test", password_hash="!") for _ in range(4)]
        session.add_all(others)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for owner, number in ((user_id, count), *((other.id, count // 10) for other in others)):
            for statement in (VIDEOS, JOBS, DUBS, RESULTS):
                wanted = {"user_id": owner, "count": number}
                names = {name: wanted[name] for name in wanted if f":{name}" in statement}
                connection.execute(text(statement), names)
        connection.execute(text("analyze"))


@contextmanager
def noted(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """The SELECTs that are executed meanwhile, with their parameters."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            statements.append((statement, parameters))

    prepared = Prepared.rows

    def rows(self: Prepared, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        if self.text.startswith("SELECT"):
            statements.append((self.text, self.parameters(values)))
        return prepared(self, connection, values)

    event.listen(engine, "before_cursor_execute", note)
    Prepared.rows = rows  # type: ignore[method-assign]
    try:
        yield statements
    finally:
        Prepared.rows = prepared  # type: ignore[method-assign]
        event.remove(engine, "before_cursor_execute", note)


def cost(engine: Engine, statements: list[tuple[str, Any]]) -> Cost:
    """Run each again, explained."""
    scans: list[dict[str, Any]] = []
    with engine.connect() as connection:
        for statement, parameters in statements:
            said = connection.exec_driver_sql(f"explain (analyze, format json) {statement}", parameters).scalar()
            document = said if isinstance(said, list) else json.loads(said or "")
            scans += scans_of(document[0]["Plan"])
    rows = sum(
        scan["Actual Loops"] * (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0))
        for scan in scans
        if scan["Relation Name"] in GROWING
    )
    ways = {(scan["Node Type"], scan["Relation Name"]) for scan in scans if scan["Relation Name"] in GROWING}
    return Cost(rows, frozenset(ways))


def scans_of(node: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [scan for child in node.get("Plans", ()) for scan in scans_of(child)]
    return [node, *inner] if "Relation Name" in node else inner


def ids(engine: Engine, user_id: UUID) -> tuple[UUID, UUID]:
    """One of the user's finished jobs, and its video."""
    with engine.connect() as connection:
        query = text("select job_id, video_id from jobs where user_id = :user_id and status = 'COMPLETED' limit 1")
        job_id, video_id = connection.execute(query, {"user_id": user_id}).one()
        return job_id, video_id


def costs(app: Flask, person: Person, settings: Settings) -> dict[str, Cost]:
    """What each question costs, by its name."""
    with app.app_context():
        engine = db.engine
    job_id, video_id = ids(engine, person.id)
    cursor = person.get("/dubbing-jobs?limit=5").get_json()["next_cursor"]
    routes = {
        "list": "/dubbing-jobs?limit=5",
        "next page": f"/dubbing-jobs?limit=5&cursor={cursor}",
        "list by status": "/dubbing-jobs?limit=5&status=COMPLETED",
        "list by video": f"/dubbing-jobs?limit=5&video_id={video_id}",
        "status": f"/dubbing-jobs/{job_id}",
        "results": f"/dubbing-jobs/{job_id}/results",
        "videos": "/videos?limit=5",
        "videos by status": "/videos?limit=5&status=READY",
        "video": f"/videos/{video_id}",
    }
    found = {}
    for name, route in routes.items():
        with noted(engine) as statements:
            assert person.get(route).status_code == 200, name
        found[name] = cost(engine, statements)
    with noted(engine) as statements, transaction(engine) as session:
        leases.due_for_wake(session, settings)
    return found | {"sweep": cost(engine, statements)}


@pytest.fixture
def asked(app: Flask, sign_in: Callable[[Flask], Person], engine: Engine, settings: Settings):
    def ask(count: int) -> dict[str, Cost]:
        person = sign_in(app)
        fill(engine, person.id, count)
        return costs(app, person, settings)

    return ask


def test_ten_thousand_jobs_cost_what_ten_do(asked):
    few, many = asked(FEW), asked(MANY)
    for name, found in many.items():
        assert {way for way, _ in found.ways} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, (name, found)
        assert found.rows > 0 or name == "sweep"
        assert found.rows <= few[name].rows + 5, (name, few[name], found)
