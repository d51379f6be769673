"""Every error is an RFC 9457 problem document with a stable code; nothing leaks a trace."""

from http import HTTPStatus
from typing import NoReturn

from flask import Flask, Response, g, json
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from shared import log
from shared.errors import AppError, TransientError

PROBLEM_TYPE = "application/problem+json"
RETRY_SECONDS = 10
# What a refusal lists at most, and how much of a name it repeats (characters).
MOST_ERRORS, LONGEST_NAME = 20, 200
_log = log.get(__name__)

# What Flask itself refuses, by status: our code and sentence.
HTTP_PROBLEMS = {
    400: ("bad_request", "The request can't be read."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    413: ("request_too_large", "The request's body is too large."),
    415: ("unsupported_media_type", "Send JSON, with Content-Type: application/json."),
}


class FieldError(BaseModel):
    """What is wrong with one field of the request."""

    field: str
    message: str


class Problem(BaseModel):
    """An error. `code` is stable, `detail` is a sentence that says what to do; further members depend on the code."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldError] = Field(default_factory=list)


def problem(error: AppError) -> Response:
    """The answer that `error` becomes."""
    document = {
        "type": f"urn:onevoice:problem:{error.code}",
        "title": _title(error.status),
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "request_id": g.get("request_id", ""),
        **error.details,
    }
    answer = Response(json.dumps(document), error.status, mimetype=PROBLEM_TYPE)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def invalid_request(error: ValidationError) -> NoReturn:
    """Raise what a schema refused, field by field; the schemas see to it that there are never many."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    errors = [{"field": _path(item["loc"]), "message": item["msg"]} for item in found[:MOST_ERRORS]]
    more = f" The first {MOST_ERRORS} of {len(found)} are listed." if len(found) > MOST_ERRORS else ""
    raise AppError("invalid_request", f"Some fields are missing or wrong.{more}", 422, details={"errors": errors})


def register(app: Flask) -> None:
    """Let every failure of `app` be a problem document."""
    app.register_error_handler(AppError, problem)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(ParseException, _unreadable)
    app.register_error_handler(TransientError, _transient)
    app.register_error_handler(OperationalError, _database)
    app.register_error_handler(PoolTimeoutError, _database)
    app.register_error_handler(Exception, _unexpected)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    code, detail = HTTP_PROBLEMS.get(status, ("http_error", error.description or _title(status)))
    answer = problem(AppError(code, detail, status))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            answer.headers[name] = value
    return answer


def _unreadable(error: ParseException) -> Response:
    """gunicorn reads a chunked body only when it is asked for, and finds out then that its chunks are wrong."""
    return problem(AppError("bad_request", f"The request's body can't be read: {error}.", 400))


def _transient(error: TransientError) -> Response:
    _log.warning("neighbour_unavailable", code=error.code, reason=error.message)
    return _unavailable(error.code, round(error.retry_after or RETRY_SECONDS))


def _database(error: Exception) -> Response:
    _log.warning("neighbour_unavailable", code="database_unavailable", reason=str(error))
    return _unavailable("database_unavailable", RETRY_SECONDS)


def _unavailable(code: str, retry_after: int) -> Response:
    sentence = "Something this depends on does not answer. Try again shortly."
    return problem(AppError(code, sentence, 503, retry_after=retry_after))


def _unexpected(error: Exception) -> Response:
    _log.error("unexpected_error", exc_info=error)
    return problem(AppError("internal_error", "Something went wrong on our side. Try again later.", 500))


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _path(location: tuple[int | str, ...]) -> str:
    """The field's name as the client wrote it: “[key]” is pydantic's mark for a name that is wrong itself."""
    return ".".join(str(part) for part in location if part != "[key]")[:LONGEST_NAME]
