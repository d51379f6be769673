"""Every call is written down while the job runs, whatever becomes of the database or of the job."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import Engine, select

from shared.config import Settings
from shared.db import make_engine, transaction
from shared.models import ProviderCall as Row
from shared.models import new_id
from tests.factories import a_job
from tests.processes import until
from worker import costs
from worker.engines import door
from worker.engines.door import ProviderCall, Usage


def call(*usage: Usage, outcome: str = "ok") -> ProviderCall:
    return ProviderCall(
        new_id(), datetime.now(UTC), "openai", "whisper-1", "speech_recognition", None, outcome, tuple(usage)
    )


def tell(made: ProviderCall) -> None:
    for listener in tuple(door._listeners):
        listener(made)


def rows(engine: Engine) -> list[Row]:
    with transaction(engine) as session:
        return list(session.scalars(select(Row).order_by(Row.id)))


def test_calls_are_there_while_the_job_runs(engine: Engine, settings: Settings) -> None:
    job_id = a_job(engine)
    with costs.kept(engine, job_id, settings):
        tell(call(Usage("seconds", 30.0)))
        until(lambda: len(rows(engine)) == 1, 20, "the first row")
        tell(call(Usage("input_tokens", 5.0), Usage("output_tokens", 2.0)))
        tell(call(outcome="provider_busy"))
    written = [(one.unit, one.amount, one.price, one.outcome) for one in rows(engine)]
    assert written == [
        ("seconds", 30.0, Decimal("0.003"), "ok"),
        ("input_tokens", 5.0, None, "ok"),
        ("output_tokens", 2.0, None, "ok"),
        (None, 0.0, None, "provider_busy"),
    ]
    assert {one.job_id for one in rows(engine)} == {job_id}
    tell(call(Usage("seconds", 1.0)))
    assert len(rows(engine)) == 4


def test_costs_of_a_job_that_is_gone_are_kept(engine: Engine, settings: Settings) -> None:
    with costs.kept(engine, UUID(int=1), settings):
        tell(call(Usage("seconds", 30.0)))
    assert [one.job_id for one in rows(engine)] == [None]


def test_a_usage_that_cannot_be_written_costs_no_other_call(engine: Engine, settings: Settings) -> None:
    job_id = a_job(engine)
    with costs.kept(engine, job_id, settings):
        tell(call(Usage("seconds", 30.0)))
        tell(call(Usage("seconds", None)))  # type: ignore[arg-type]
        tell(call(Usage("seconds", 40.0)))
    assert sorted(one.amount for one in rows(engine)) == [0.0, 30.0, 40.0]


def test_a_database_that_is_away_stops_no_job(
    engine: Engine, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = make_engine(
        settings.model_copy(
            update={"database_url": type(settings.database_url)("postgresql+psycopg://x@127.0.0.1:1/x")}
        )
    )
    with costs.kept(nowhere, a_job(engine), settings):
        tell(call(Usage("seconds", 30.0)))
    assert rows(engine) == []
