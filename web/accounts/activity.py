"""What happened on one's account."""

from flask import Response

from shared.accounts import activity
from web import paging
from web.accounts.profile_schemas import ActivityBody, ActivityList
from web.auth import session_only, user_id
from web.neighbours import transaction
from web.openapi import reply, resource
from web.paging import PageQuery

own_activity = resource("activity", __name__, session_only=True)


@own_activity.get("/users/me/activity", responses={200: ActivityList})
@session_only
def list_activity(query: PageQuery) -> Response:
    """What happened on your account, newest first."""
    before = paging.before(query, "activity")
    with transaction() as session:
        rows = activity.listed(session, user_id(), limit=query.limit + 1, before=before)
    page, last = paging.split(rows, query)
    items = [ActivityBody.model_validate(row, from_attributes=True) for row in page]
    return reply(ActivityList(items=items, next_cursor=paging.cursor(last.id if last else None, "activity")))
