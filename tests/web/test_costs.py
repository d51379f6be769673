"""What operators see of costs: sums by day, provider, model, slot and job, from rows that outlive their jobs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, delete, select, update

from shared.costs import calls, prices
from shared.db import transaction
from shared.models import Job, ProviderCall, Role, User, new_id
from tests.factories import a_job
from tests.web.accounts.conftest import problem
from tests.web.conftest import Person

TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
def operator(person: Person, engine: Engine) -> Person:
    with transaction(engine) as session:
        session.execute(update(User).where(User.id == person.id).values(role=Role.ADMIN))
    return person


def row(job_id: UUID | None, days_ago: int = 0, **values: Any) -> dict[str, Any]:
    return {
        "call_id": new_id(), "at": TODAY - timedelta(days=days_ago), "job_id": job_id, "language": "es",
        "slot": "translation", "provider": "openai", "model": "m", "unit": "input_tokens", "amount": 1000.0,
        "price": Decimal("0.25"), "outcome": "ok", **values,
    }  # fmt: skip


@pytest.fixture
def job_id(engine: Engine) -> UUID:
    """A job with one call of two units yesterday, one failed call and one without a price today."""
    job_id, call_id = a_job(engine), new_id()
    rows = [
        row(job_id, 1, call_id=call_id),
        row(job_id, 1, call_id=call_id, unit="output_tokens", amount=10.0, price=Decimal("0.05")),
        row(job_id, unit=None, amount=0.0, price=None, outcome="provider_busy"),
        row(job_id, provider="fish", model="new", slot="speech_synthesis", unit="bytes", amount=7.0, price=None),
    ]
    with transaction(engine) as session:
        calls.record(session, rows)
    return job_id


def listed(operator: Person, query: str = "") -> list[dict[str, Any]]:
    answer = operator.get(f"/admin/costs?{query}")
    assert answer.status_code == 200, answer.json
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def test_only_for_operators(person: Person) -> None:
    assert problem(person.get("/admin/costs")) == (403, "not_allowed")


def test_sums_by_each_grouping(operator: Person, job_id: UUID) -> None:
    today, yesterday = (str((TODAY - timedelta(days=days)).date()) for days in (0, 1))
    assert listed(operator) == [
        {"group": today, "calls": 2, "failed": 1, "price_usd": 0.0, "unpriced": 1, "units": {"bytes": 7.0}},
        {"group": yesterday, "calls": 1, "failed": 0, "price_usd": 0.3, "unpriced": 0,
         "units": {"input_tokens": 1000.0, "output_tokens": 10.0}},
    ]  # fmt: skip
    assert [item["group"] for item in listed(operator, "by=provider")] == ["openai", "fish"]
    assert [item["group"] for item in listed(operator, "by=model")] == ["openai/m", "fish/new"]
    assert [item["group"] for item in listed(operator, "by=slot")] == ["translation", "speech_synthesis"]
    (whole,) = listed(operator, f"by=job&job_id={job_id}")
    assert (whole["group"], whole["calls"], whole["price_usd"]) == (str(job_id), 3, 0.3)


def test_days_and_providers_narrow_it(operator: Person, job_id: UUID) -> None:
    yesterday = (TODAY - timedelta(days=1)).date()
    assert [item["calls"] for item in listed(operator, f"until={yesterday}")] == [1]
    assert [item["calls"] for item in listed(operator, f"since={TODAY.date()}&provider=fish")] == [1]
    assert listed(operator, "until=2020-01-01") == []
    for wrong in ("by=moon", "until=9999-12-31", "until=0001-01-01", "since=0001-01-01"):
        assert problem(operator.get(f"/admin/costs?{wrong}")) == (422, "invalid_request")


def test_pages(operator: Person, job_id: UUID) -> None:
    first = operator.get("/admin/costs?limit=1").json
    second = operator.get(f"/admin/costs?limit=1&cursor={first['next_cursor']}").json
    assert [item["calls"] for item in first["items"] + second["items"]] == [2, 1]
    assert second["next_cursor"] is None
    assert problem(operator.get("/admin/costs?cursor=made-up")) == (422, "invalid_cursor")


def test_a_job_says_what_it_cost(operator: Person, job_id: UUID, engine: Engine) -> None:
    cheap = a_job(engine)
    costs = {job["job_id"]: job["costs"] for job in operator.get("/admin/jobs").json["items"]}
    assert costs[str(job_id)] == {"price_usd": 0.3, "calls": 3, "failed": 1, "unpriced": 1}
    assert costs[str(cheap)] == {"price_usd": 0.0, "calls": 0, "failed": 0, "unpriced": 0}


def test_costs_stay_when_the_job_goes_and_say_no_more_whose_they_were(
    operator: Person, job_id: UUID, engine: Engine
) -> None:
    with transaction(engine) as session:
        session.execute(delete(Job).where(Job.job_id == job_id))
        calls.record(session, [row(job_id)])
    with transaction(engine) as session:
        assert set(session.scalars(select(ProviderCall.job_id))) == {None}
    (nobodys,) = listed(operator, "by=job")
    assert (nobodys["group"], nobodys["calls"]) == ("", 4)


def test_prices_are_the_list_unless_the_operator_knows_better(settings: Any) -> None:
    assert prices.price("openai", "whisper-1", "seconds", 60, settings) == Decimal("0.006")
    assert prices.price("openai", "unheard-of", "seconds", 60, settings) is None
    own = settings.model_copy(update={"provider_prices": (("openai/whisper-1/seconds", Decimal("0.5")),)})
    assert prices.price("openai", "whisper-1", "seconds", 2.5, own) == Decimal("1.25")
