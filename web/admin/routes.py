"""For operators: everybody's accounts and jobs."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response

from shared import log
from shared.accounts import roster
from shared.costs import calls
from shared.costs.calls import Sum
from shared.dubbing import overview
from shared.models import Job, User
from web import paging
from web.admin.schemas import (
    AdminJob,
    AdminJobList,
    AdminJobQuery,
    AdminUser,
    AdminUserList,
    Cost,
    CostList,
    CostQuery,
    JobCosts,
    UserQuery,
)
from web.auth import admin_only, user_id
from web.dubbing.bodies import job_body
from web.dubbing.routes import wake
from web.dubbing.schemas import JobPath
from web.neighbours import neighbours, transaction
from web.openapi import reply, resource

admin = resource("admin", __name__, session_only=True)
_log = log.get(__name__)


@admin.get("/admin/users", responses={200: AdminUserList})
@admin_only
def list_users(query: UserQuery) -> Response:
    """All accounts, newest first."""
    before = paging.before(query, "admin-users")
    with transaction() as session:
        rows = roster.listed(session, query=query.query, limit=query.limit + 1, before=before)
    page, last = paging.split(rows, query)
    cursor = paging.cursor(last.id if last else None, "admin-users")
    return reply(AdminUserList(items=[_user(user) for user in page], next_cursor=cursor))


@admin.get("/admin/jobs", responses={200: AdminJobList})
@admin_only
def list_all_jobs(query: AdminJobQuery) -> Response:
    """All jobs, newest first."""
    before = paging.before(query, "admin-jobs")
    with transaction() as session:
        rows = overview.listed(
            session, limit=query.limit + 1, before=before, status=query.status, user_id=query.user_id
        )
        costs = calls.of_jobs(session, [job.job_id for job in rows])
    page, last = paging.split(rows, query)
    cursor = paging.cursor(last.job_id if last else None, "admin-jobs")
    return reply(AdminJobList(items=[_job(job, costs) for job in page], next_cursor=cursor))


@admin.post("/admin/jobs/<uuid:job_id>/retry", responses={202: AdminJob})
@admin_only
def retry_users_job(path: JobPath) -> Response:
    """Try again, in its owner's name, what did not succeed."""
    with transaction() as session:
        job = overview.retry(session, neighbours().settings, path.job_id)
        costs = calls.of_jobs(session, [path.job_id])
    _log.info("retried_by_operator", job_id=str(path.job_id), operator=str(user_id()))
    wake(path.job_id)
    return reply(_job(job, costs), 202)


@admin.get("/admin/costs", responses={200: CostList})
@admin_only
def list_costs(query: CostQuery) -> Response:
    """What providers were asked for, and what it costs at the prices known here."""
    before = paging.before_name(query, "admin-costs")
    with transaction() as session:
        sums = calls.sums(
            session,
            query.by,
            since=query.begin,
            until=query.end,
            limit=query.limit + 1,
            before=before,
            provider=query.provider,
            job_id=query.job_id,
        )
    page, last = paging.split(sums, query)
    cursor = paging.cursor(last.group if last else None, "admin-costs")
    return reply(CostList(items=[_cost(one) for one in page], next_cursor=cursor))


def _user(user: User) -> AdminUser:
    values = {name: getattr(user, name) for name in AdminUser.model_fields if name != "user_id"}
    return AdminUser.model_validate({"user_id": user.id, **values})


def _job(job: Job, costs: Mapping[UUID, Sum]) -> AdminJob:
    known = costs.get(job.job_id, Sum(str(job.job_id), 0, 0, 0.0, 0))
    return AdminJob(**job_body(job).model_dump(), user_id=job.user_id, costs=JobCosts(**_sums(known)))


def _cost(one: Sum) -> Cost:
    return Cost(group=one.group, units=one.units, **_sums(one))


def _sums(one: Sum) -> dict[str, Any]:
    return {"price_usd": one.price, "calls": one.calls, "failed": one.failed, "unpriced": one.unpriced}
