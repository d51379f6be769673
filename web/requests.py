"""Before and after each request: its id, its log line, and a body that is JSON where JSON is wanted."""

import json
import re
import time
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar

from flask import Flask, Request, Response, current_app, g, request
from pydantic import BaseModel
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from shared import log
from shared.errors import AppError
from shared.models import new_id

HEADER = "X-Request-Id"
SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
SURROGATE = re.compile("[\ud800-\udfff]")
LARGEST_BODY_BYTES = 64 * 1024
# A transcript of 5 MB, as JSON.
LARGEST_ORDER_BYTES = 8 * 1024 * 1024
# How many names the object may have, and how deep it may go: far more than any schema of ours.
MOST_NAMES, DEEPEST = 100, 100

P = ParamSpec("P")
R = TypeVar("R")

_log = log.get("access")


class JsonRequest(Request):
    """A request that says where its JSON is broken."""

    def on_json_loading_failed(self, e: ValueError | None) -> NoReturn:
        """Raises AppError `invalid_json` (400)."""
        if isinstance(e, json.JSONDecodeError):
            where = f"line {e.lineno}, column {e.colno}: {e.msg}"
        else:
            where = "its text is not UTF-8" if isinstance(e, UnicodeDecodeError) else "a number has too many digits"
        raise AppError("invalid_json", f"The body is not JSON: {where}.", 400) from None


def takes(largest_bytes: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a view's body have more bytes than others."""

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        view.largest_bytes = largest_bytes  # type: ignore[attr-defined]
        return view

    return mark


def register_log(app: Flask) -> None:
    """Give every request an id and one log line; to be registered before anything that may refuse it."""
    app.before_request(_begin)
    app.after_request(_end)


def register_body(app: Flask) -> None:
    """Refuse bodies that can't be read before a schema sees them; to be registered behind the guard."""
    app.request_class = JsonRequest
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY_BYTES
    app.before_request(_limit)
    app.before_request(_check_query)
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
        path=_path(),
        route=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        milliseconds=round((time.monotonic() - g.started) * 1000, 1),
        remote=request.remote_addr,
    )
    return response


def _path() -> str:
    """What was asked for; of a link's address only the rule, for the rest of it opens something."""
    rule, found = request.url_rule, request.view_args or {}
    return rule.rule if rule is not None and "token" in found else request.path


def _limit() -> None:
    if request.endpoint is None:  # 404 or 405 follows
        return
    largest = getattr(current_app.view_functions[request.endpoint], "largest_bytes", LARGEST_BODY_BYTES)
    request.max_content_length = largest
    if (request.content_length or 0) > largest:
        raise RequestEntityTooLarge


def _check_query() -> None:
    if b"%00" in request.query_string:
        raise AppError("invalid_request", "Text may not contain NUL.", 422)


def _demand_json() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or "body" not in view.__annotations__ or request.method == "OPTIONS":
        return
    if _may_be_left_out(view.__annotations__["body"]) and not request.get_data():
        return
    if not request.is_json:
        raise UnsupportedMediaType
    # A body of unknown length is cut off at the limit without a word.
    if len(request.get_data()) >= (request.max_content_length or 0) and request.content_length is None:
        raise RequestEntityTooLarge
    try:
        document = request.get_json()
    except RecursionError:
        raise _too_deep() from None
    _check_document(document)


def _may_be_left_out(body: type[BaseModel]) -> bool:
    """Whether the OpenAPI document says so of this body."""
    extra = body.model_config.get("openapi_extra")  # flask-openapi3's own key
    return isinstance(extra, dict) and not extra.get("required", True)


def _check_document(document: Any) -> None:
    if not isinstance(document, dict):
        raise AppError("invalid_request", "The body must be a JSON object.", 422)
    if len(document) > MOST_NAMES:
        raise AppError("invalid_request", f"The body has {len(document)} fields, far more than there are.", 422)
    if not _is_storable(document):
        raise AppError("invalid_request", "Text may not contain NUL or halves of characters.", 422)


def _is_storable(document: Any) -> bool:
    """Whether all text in a JSON value can be kept in the database: no NUL, no lone surrogates.

    Level by level, for a recursion would end where Python's stack does. Raises AppError `invalid_json` (400).
    """
    level = [document]
    for _ in range(DEEPEST):
        if not all(_is_plain(value) for value in level if isinstance(value, str)):
            return False
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return True
    raise _too_deep()


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []


def _is_plain(text: str) -> bool:
    return "\0" not in text and SURROGATE.search(text) is None


def _too_deep() -> AppError:
    return AppError("invalid_json", f"The body is nested too deeply: {DEEPEST} levels are the most.", 400)
