"""One's sessions: see them, end them."""

from flask import Response

from shared.accounts import activity, sessions
from shared.accounts.activity import Kind
from shared.errors import not_found
from shared.models import UserSession
from web import paging
from web.accounts.access_schemas import SessionBody, SessionList, SessionPath
from web.auth import caller, session_only, user_id
from web.client import client
from web.neighbours import transaction
from web.openapi import reply, resource
from web.paging import PageQuery

own_sessions = resource("sessions", __name__, session_only=True)


@own_sessions.get("/users/me/sessions", responses={200: SessionList})
@session_only
def list_sessions(query: PageQuery) -> Response:
    """Where you are signed in, newest first."""
    before = paging.before(query, "sessions")
    with transaction() as session:
        rows = sessions.listed(session, user_id(), limit=query.limit + 1, before=before)
    page, last = paging.split(rows, query)
    cursor = paging.cursor(last.id if last else None, "sessions")
    return reply(SessionList(items=[_body(row) for row in page], next_cursor=cursor))


@own_sessions.delete("/users/me/sessions/<uuid:session_id>", responses={204: None})
@session_only
def end_session(path: SessionPath) -> Response:
    """End a session at once."""
    with transaction() as session:
        if not sessions.revoke(session, user_id(), path.session_id):
            raise not_found("session")
        activity.note(session, user_id(), Kind.SESSION_REVOKED, client(), session_id=str(path.session_id))
    return Response(status=204)


def _body(row: UserSession) -> SessionBody:
    return SessionBody(
        session_id=row.id,
        user_agent=row.user_agent,
        ip=row.ip,
        current=row.id == caller().session_id,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
    )
