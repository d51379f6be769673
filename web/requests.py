"""Before and after each request: its id, its log line, and a body that is JSON where JSON is wanted."""

import re
import time
from typing import Any

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from shared import log
from shared.errors import AppError
from shared.models import new_id

HEADER = "X-Request-Id"
SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
# A transcript of 5 MB, as JSON.
LARGEST_BODY_BYTES = 8 * 1024 * 1024

_log = log.get("access")


def register_log(app: Flask) -> None:
    """Give every request an id and one log line; to be registered before anything that may refuse it."""
    app.before_request(_begin)
    app.after_request(_end)


def register_body(app: Flask) -> None:
    """Refuse bodies that can't be read before a schema sees them; to be registered behind the guard."""
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY_BYTES
    app.before_request(_demand_json)


def _begin() -> None:
    log.clear()
    given = request.headers.get(HEADER, "")
    g.request_id = given if SANE_ID.fullmatch(given) else str(new_id())
    g.started = time.monotonic()
    log.bind(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    _log.info(
        "request",
        method=request.method,
        path=request.path,
        route=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        milliseconds=round((time.monotonic() - g.started) * 1000, 1),
        remote=request.remote_addr,
    )
    return response


def _demand_json() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or "body" not in view.__annotations__:
        return
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        document = request.get_json()
    except BadRequest as error:
        raise AppError("invalid_json", f"The body is not JSON: {error.description}", 400) from None
    if not isinstance(document, dict):
        raise AppError("invalid_request", "The body must be a JSON object.", 422)
    if not _is_storable(document):
        raise AppError("invalid_request", "Text may not contain NUL or halves of characters.", 422)


def _is_storable(value: Any) -> bool:
    """Whether all text in a JSON value can be kept in the database: no NUL, no lone surrogates."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        return all(_is_storable(item) for pair in value.items() for item in pair)
    return not isinstance(value, list) or all(map(_is_storable, value))
