"""Pages of a list, newest first: `?limit=&cursor=` in, `next_cursor` out."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import ConfigDict, Field

from shared.errors import AppError
from web.auth import user_id
from web.neighbours import neighbours
from web.openapi import Parameters

T = TypeVar("T")
LARGEST_PAGE = 100


class PageQuery(Parameters):
    """Which part of a list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(20, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before.")


def before(query: PageQuery, list_name: str) -> UUID | None:
    """The id that the page's items are older than. Raises AppError `invalid_cursor` (422)."""
    last = before_name(query, list_name)
    try:
        return None if last is None else UUID(last)
    except ValueError:
        raise _invalid() from None


def before_name(query: PageQuery, list_name: str) -> str | None:
    """The name that the page's items come after, in a list by names. Raises AppError `invalid_cursor` (422)."""
    if query.cursor is None:
        return None
    try:
        last = _serializer(list_name).loads(query.cursor)
    except BadSignature:
        raise _invalid() from None
    if not isinstance(last, str):
        raise _invalid()
    return last


def _invalid() -> AppError:
    return AppError("invalid_cursor", "This cursor is not one of ours. Start again without it.", 422)


def split(rows: Sequence[T], query: PageQuery) -> tuple[Sequence[T], T | None]:
    """The page, and its last row if more follow; ask the database for `limit + 1` rows."""
    page = rows[: query.limit]
    return page, page[-1] if len(rows) > query.limit else None


def cursor(last: UUID | str | None, list_name: str) -> str | None:
    """The cursor behind `last`."""
    return None if last is None else str(_serializer(list_name).dumps(str(last)))


def _serializer(list_name: str) -> URLSafeSerializer:
    """Signed, so that a made-up cursor is refused; bound to the list and the user. The secret before is still known."""
    settings = neighbours().settings
    secrets = [key.get_secret_value() for key in (settings.jwt_previous_secret, settings.jwt_secret) if key]
    return URLSafeSerializer(secrets, salt=f"cursor:{list_name}:{user_id()}")
