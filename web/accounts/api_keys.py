"""API keys: make, list, revoke."""

from typing import Any

from flask import Response

from shared.accounts import activity, api_keys
from shared.accounts.activity import Kind
from shared.models import ApiKey
from web.accounts.access_schemas import KeyBody, KeyList, KeyPath, MadeKey, NewKey
from web.auth import session_only, user_id
from web.client import client
from web.neighbours import transaction
from web.openapi import reply, resource

own_keys = resource("api-keys", __name__, session_only=True)


@own_keys.get("/users/me/api-keys", responses={200: KeyList})
@session_only
def list_keys() -> Response:
    """Your keys that are not revoked; there are never many."""
    with transaction() as session:
        rows = api_keys.listed(session, user_id())
    return reply(KeyList(items=[KeyBody(**_fields(row)) for row in rows]))


# Takes no Idempotency-Key: answering again would mean to keep the key itself.
@own_keys.post("/users/me/api-keys", responses={201: MadeKey})
@session_only
def create_key(body: NewKey) -> Response:
    """Make a key for a program, to be sent as `Authorization: Bearer ov_…`. It is shown only in this answer."""
    with transaction() as session:
        row, key = api_keys.create(session, user_id(), body.name, body.scopes)
        activity.note(session, user_id(), Kind.API_KEY_CREATED, client(), name=row.name, prefix=row.prefix)
    return reply(MadeKey(**_fields(row), key=key), 201, {"Cache-Control": "no-store"})


@own_keys.delete("/users/me/api-keys/<uuid:key_id>", responses={204: None})
@session_only
def revoke_key(path: KeyPath) -> Response:
    """End a key at once."""
    with transaction() as session:
        row = api_keys.revoke(session, user_id(), path.key_id)
        activity.note(session, user_id(), Kind.API_KEY_REVOKED, client(), name=row.name, prefix=row.prefix)
    return Response(status=204)


def _fields(row: ApiKey) -> dict[str, Any]:
    shown = ("name", "prefix", "scopes", "created_at", "last_used_at")
    return {"key_id": row.id, **{name: getattr(row, name) for name in shown}}
