"""A worker tier at a hundredth of its ordinary pace, over its own database, bucket and queue."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import pytest
from sqlalchemy import Engine, select, text

from shared.config import Settings
from shared.db import make_engine, transaction
from shared.dubbing import leases
from shared.dubbing.state import OVER
from shared.models import Artifact, Job, new_id
from shared.queue import Queue
from shared.storage import Storage, original_key
from tests.factories import a_job, a_video
from tests.media import a_clip
from tests.processes import QUICK, Tier, daemon, tier, until

STOP_KEY = 4711


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of picture and tone."""
    return a_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@dataclass
class Bench:
    """A worker tier with a daemon, and the database behind it."""

    settings: Settings
    engine: Engine
    worker: Tier
    clip: Path

    def job(self, *languages: str, wake: bool = True, seconds: float = 6.0, **values: Any) -> UUID:
        """A job for the clip, which lasts `seconds`, with its wake-up call sent unless `wake` is False."""
        video_id = new_id()
        storage = Storage(self.settings)
        storage.upload(self.clip, original_key(video_id), "video/mp4")
        stored = storage.head(original_key(video_id))
        assert stored is not None
        a_video(
            self.engine, video_id=video_id, etag=stored.etag, size_bytes=stored.size_bytes, duration_seconds=seconds
        )
        job_id = a_job(self.engine, *languages, video_id=video_id, **values)
        if wake:
            self.wake(job_id)
        return job_id

    def wake(self, job_id: UUID) -> None:
        Queue(self.settings).wake(job_id)
        with transaction(self.engine) as session:
            leases.stamp_wake(session, job_id)

    def row(self, job_id: UUID) -> Job:
        with transaction(self.engine) as session:
            return session.get_one(Job, job_id)

    def ended(self, job_id: UUID, seconds: float = 60.0) -> Job:
        """The job's row, once it is over."""
        until(lambda: self.row(job_id).status in OVER, seconds, f"the end of the job ({self.row(job_id).status})")
        return self.row(job_id)

    def artifacts(self) -> list[Artifact]:
        with transaction(self.engine) as session:
            return list(session.scalars(select(Artifact)))

    def made_twice(self) -> list[str]:
        """Stages whose artifact was uploaded more than once under the same fingerprint."""
        s3 = boto3.client("s3", endpoint_url=self.settings.s3_endpoint_url, region_name="us-east-1")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.settings.s3_bucket, Prefix="artifacts/")
        names = [item["Key"].split("/")[2] for page in pages for item in page.get("Contents", [])]
        return [a.stage for a in self.artifacts() if names.count(a.fingerprint) > 1]

    def stop_at(self, table: str, stage: str, job_id: UUID | None = None) -> "Stop":
        """Hold the first attempt's transaction that writes `stage` (see Stop)."""
        return Stop(self, table, stage, job_id)


class Stop:
    """The first attempt's child stands still where it begins a stage (table `jobs`) or where it has made and uploaded
    an artifact but not recorded it (table `artifacts`): its transaction waits in a trigger for a lock that we hold."""

    def __init__(self, bench: Bench, table: str, stage: str, job_id: UUID | None) -> None:
        self._bench = bench
        only = f"and new.job_id = '{job_id}'" if job_id else ""
        first = "new.attempt = 1" if table == "jobs" else "(select attempt from jobs where job_id = new.job_id) = 1"
        event = "update" if table == "jobs" else "insert"
        self._holder = bench.engine.connect()
        self._holder.execute(
            text(f"""
            create function stop_{table}() returns trigger language plpgsql as $$
            begin
              if new.stage = '{stage}' and {first} {only} then perform pg_advisory_xact_lock({STOP_KEY}); end if;
              return new;
            end $$;
            create trigger stop_{table} before {event} on {table} for each row execute function stop_{table}();
        """)
        )
        self._holder.commit()
        self._holder.execute(text(f"select pg_advisory_lock({STOP_KEY})"))
        self._holder.commit()
        self._table = table

    def reached(self) -> None:
        """Wait until a child stands there."""
        waiting = text(
            f"select count(*) from pg_locks where locktype = 'advisory' and objid = {STOP_KEY} and not granted"
        )

        def stands() -> bool:
            with self._bench.engine.connect() as connection:
                return bool(connection.scalar(waiting))

        until(stands, 90, "the stop")

    def release(self) -> None:
        """Let everything go on."""
        self._holder.execute(text(f"select pg_advisory_unlock({STOP_KEY})"))
        self._holder.commit()
        self._holder.close()


@pytest.fixture
def start_bench(make_settings: Callable[..., Settings], clip: Path, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Start a worker tier with a daemon; keyword arguments are settings."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(**overrides: Any) -> Bench:
            settings = make_settings(**{**QUICK, **overrides})
            engine = make_engine(settings)
            stack.callback(engine.dispose)
            worker = stack.enter_context(tier("worker", settings, tmp_path / "worker.log"))
            stack.enter_context(daemon(settings, worker.url, settings.job_slots + 1))
            return Bench(settings, engine, worker, clip)

        yield start
