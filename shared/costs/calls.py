"""Calls to providers: written down, and summed for operators. Each function is one step inside one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, cast, distinct, func, insert, select
from sqlalchemy.orm import Session

from shared.models import Job, ProviderCall

Grouping = Literal["day", "provider", "model", "slot", "job"]
OK = "ok"


@dataclass(frozen=True)
class Sum:
    """What the calls of one group came to: how many, how many failed, each unit's amount, their price in US dollars,
    and how many used something without a known price."""

    group: str
    calls: int
    failed: int
    price: float
    unpriced: int
    units: dict[str, float] = field(default_factory=dict)


def record(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, by column. A job that is gone is left out of them: its calls were paid all the same."""
    wanted = {row["job_id"] for row in rows} - {None}
    there = set(
        session.scalars(select(Job.job_id).where(Job.job_id.in_(wanted)).with_for_update(read=True, key_share=True))
    )
    kept = [{**row, "job_id": row["job_id"] if row["job_id"] in there else None} for row in rows]
    session.execute(insert(ProviderCall), kept)


def sums(
    session: Session,
    by: Grouping,
    *,
    since: datetime,
    until: datetime,
    limit: int,
    before: str | None = None,
    provider: str | None = None,
    job_id: UUID | None = None,
) -> list[Sum]:
    """Up to `limit` sums over the calls from `since` until `until`, the last group (by name: days and jobs newest
    first) in front, those before the group `before`."""
    group = _group(by)
    chosen = [ProviderCall.at >= since, ProviderCall.at < until]
    chosen += [ProviderCall.provider == provider] if provider else []
    chosen += [ProviderCall.job_id == job_id] if job_id else []
    page = _totals(group).where(*chosen).group_by(group).order_by(group.desc()).limit(limit)
    rows = session.execute(page.where(group < before) if before is not None else page).all()
    units = _units(session, group, [*chosen, group.in_([row.group for row in rows])])
    return [_sum(row, units) for row in rows]


def of_jobs(session: Session, job_ids: Sequence[UUID]) -> dict[UUID, Sum]:
    """The sums of these jobs, for those that called a provider."""
    group = _group("job")
    chosen = [ProviderCall.job_id.in_(job_ids)]
    rows = session.execute(_totals(group).where(*chosen).group_by(group)).all()
    units = _units(session, group, chosen)
    return {UUID(row.group): _sum(row, units) for row in rows}


def _group(by: Grouping) -> ColumnElement[str]:
    groups: dict[Grouping, ColumnElement[str]] = {
        "day": func.to_char(ProviderCall.at, "YYYY-MM-DD"),
        "provider": ProviderCall.provider.expression,
        "model": ProviderCall.provider + "/" + ProviderCall.model,
        "slot": ProviderCall.slot.expression,
        "job": func.coalesce(cast(ProviderCall.job_id, String), ""),
    }
    # "C" collation: the order is that of the letters' codes, whatever the database's own is.
    return groups[by].collate("C")


def _totals(group: ColumnElement[str]) -> Select[*tuple[Any, ...]]:
    failed = ProviderCall.outcome != OK
    return select(
        group.label("group"),
        func.count(distinct(ProviderCall.call_id)).label("calls"),
        func.count(distinct(ProviderCall.call_id)).filter(failed).label("failed"),
        func.coalesce(func.sum(ProviderCall.price), 0).label("price"),
        func.count().filter(ProviderCall.unit.is_not(None), ProviderCall.price.is_(None)).label("unpriced"),
    )


def _units(
    session: Session, group: ColumnElement[str], chosen: Sequence[ColumnElement[bool]]
) -> dict[str, dict[str, float]]:
    amounts = (
        select(group.label("group"), ProviderCall.unit, func.sum(ProviderCall.amount).label("amount"))
        .where(*chosen, ProviderCall.unit.is_not(None))
        .group_by(group, ProviderCall.unit)
    )
    found: dict[str, dict[str, float]] = {}
    for row in session.execute(amounts):
        found.setdefault(row.group, {})[row.unit] = row.amount
    return found


def _sum(row: Any, units: dict[str, dict[str, float]]) -> Sum:
    return Sum(row.group, row.calls, row.failed, float(row.price), row.unpriced, units.get(row.group, {}))
