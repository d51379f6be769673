"""The OpenAPI document and the page over it: both made from the schemas that validate."""

from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from flask import Blueprint, Response, current_app, json, send_from_directory
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.types import SecuritySchemesDict
from pydantic import BaseModel

from web import signing
from web.auth import public
from web.errors import PROBLEM_TYPE, Problem, invalid_request

SECURITY: SecuritySchemesDict = {
    "jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "apiKey": {"type": "http", "scheme": "bearer", "bearerFormat": "ov_…", "description": "A key for programs."},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": signing.ACCESS_COOKIE,
        "description": f"For browsers; what changes something also needs `csrf_access_token` as {signing.CSRF_HEADER}.",
    },
}
SIGNED_IN: list[dict[str, list[Any]]] = [{"jwt": []}, {"cookie": []}]
WITH_KEY: list[dict[str, list[Any]]] = [{"jwt": []}, {"apiKey": []}, {"cookie": []}]
WALK = """Dubs videos into other languages, in time with the picture. From a file to its dub:

1. `POST /auth/login` with `email` and `password`; send the `access_token` with every call that follows, as
   `Authorization: Bearer …`. When it has expired, `POST /auth/refresh` with the `refresh_token` gives the next of both.
   A program sends a key instead, in the same way: `POST /users/me/api-keys` makes one.
2. `GET /languages` says what can be dubbed into what, `GET /voices` with which voices.
3. `POST /videos` with `filename`, `size_bytes` and `content_type`; the answer has a `video_id` and an `upload`.
4. `PUT` the file's bytes to `upload.url` with exactly the headers in `upload.headers`, no more and no fewer, and
   without the access token. The file goes straight to the store; this works once, and only until `upload.expires_at`.
   Where `upload.kind` is `multipart` (from 64 MiB up), `PUT` each of `upload.parts` that way, several side by side;
   `GET /videos/{video_id}/upload` says which have come, and `POST …/upload/parts` signs fresh URLs for the others.
5. `POST /videos/{video_id}/uploaded`, without a body: the file is looked at and is `READY`, or is rejected for good;
   then announce another one.
6. `POST /dubbing-jobs` with `video_id`, `source_language` and `target_languages`; the answer has a `job_id`.
7. `GET /dubbing-jobs/{job_id}` every few seconds (`Retry-After` says how many) until `status` is `COMPLETED`, `FAILED`
   or `CANCELED`; each language under `dubs` has a status of its own.
8. `GET /dubbing-jobs/{job_id}/results` lists the finished files, each with a `url` to download it from.

Every refusal is an RFC 9457 problem document: act on its `code`, show its `detail`.
"""
UI_FILES = Path(str(files("flask_openapi3_swagger"))) / "templates" / "swagger"
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>OneVoice API</title>
<link rel="stylesheet" href="/docs/ui/css/swagger-ui.css">
<div id="ui" data-document="/openapi.json"></div>
<script src="/docs/ui/js/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"""
START = """const page = document.getElementById("ui");
SwaggerUIBundle({ url: page.dataset.document, domNode: page });
"""


class Parameters(BaseModel):
    """What comes in a query or in headers.

    flask_openapi3 asks such a model for its schema with every request, and making one takes longer than most queries.
    """

    _schemas: ClassVar[dict[type[BaseModel], dict[str, Any]]] = {}

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As ever, made once where nothing is asked of it."""
        if args or kwargs:
            return super().model_json_schema(*args, **kwargs)
        if cls not in cls._schemas:
            cls._schemas[cls] = super().model_json_schema()
        return cls._schemas[cls]


def make_app(import_name: str) -> OpenAPI:
    """An application that writes its own OpenAPI 3.1 document."""
    return OpenAPI(
        import_name,
        info=Info(title="OneVoice", version="1", description=WALK),
        security_schemes=SECURITY,
        validation_error_model=Problem,
        validation_error_callback=invalid_request,
        doc_ui=False,
        static_folder=None,
    )


def resource(name: str, import_name: str, *, public_routes: bool = False, session_only: bool = False) -> APIBlueprint:
    """A blueprint whose every route documents its problems, and its guard: none, one that API keys don't pass, any."""
    guarded = SIGNED_IN if session_only else WITH_KEY
    return APIBlueprint(
        name,
        import_name,
        abp_tags=[Tag(name=name)],
        abp_security=[] if public_routes else guarded,
        abp_responses={
            "422": _problem("The request can't be done as it is."),
            "default": _problem("Any other problem."),
        },
        operation_id_callback=lambda *, name, path, method: name,  # noqa: ARG005 - the library's signature
    )


def reply(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`model` as a JSON answer."""
    return Response(model.model_dump_json(), status, headers, mimetype="application/json")


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {PROBLEM_TYPE: {"schema": schema}}}


pages = Blueprint("documentation", __name__)


@pages.get("/openapi.json")
@public
def openapi_document() -> Response:
    """The document."""
    app: OpenAPI = current_app  # type: ignore[assignment]
    return Response(json.dumps(app.api_doc), mimetype="application/json")


@pages.get("/docs")
@public
def documentation_page() -> Response:
    """A page to read the document and try its calls; everything on it comes from here."""
    return Response(PAGE, mimetype="text/html")


@pages.get("/docs/start.js")
@public
def documentation_script() -> Response:
    """Starts the page; a file of its own, so that no inline script has to be allowed."""
    return Response(START, mimetype="text/javascript")


@pages.get("/docs/ui/<path:name>")
@public
def documentation_file(name: str) -> Response:
    """A file of the installed user interface."""
    return send_from_directory(UI_FILES, name, max_age=3600)
