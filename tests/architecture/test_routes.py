# ruff: noqa: F811 - the fixtures are those of tests/web
"""Every route is guarded or says that it is public, and nobody sees what is another's."""

import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from shared.accounts import api_keys, operators, sessions
from shared.db import transaction
from shared.models import User
from shared.webhooks import endpoints, outbox
from tests.factories import a_job, a_video
from tests.web.conftest import (  # noqa: F401 - fixtures
    Person,
    app,
    client,
    make_app,
    person,
    sign_in,
    stranger,
)
from web.auth import is_admin_only, is_public, is_session_only

PUBLIC = {
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/logout"),
    ("POST", "/auth/signup"),
    ("POST", "/auth/verify-email"),
    ("POST", "/auth/resend-verification"),
    ("POST", "/auth/forgot-password"),
    ("POST", "/auth/reset-password"),
    ("POST", "/auth/verify-new-email"),
    ("POST", "/unsubscribe/<token>"),
    ("GET", "/languages"),
    ("GET", "/voices"),
    ("GET", "/health"),
    ("GET", "/health/ready"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/start.js"),
    ("GET", "/docs/ui/<path:name>"),
    ("GET", "/app/verify-email"),
    ("GET", "/app/resend-verification"),
    ("GET", "/app/forgot-password"),
    ("GET", "/app/reset-password"),
    ("GET", "/app/verify-new-email"),
    ("GET", "/app/unsubscribe/<token>"),
    ("GET", "/unsubscribe/<token>"),
    ("GET", "/app/files/<any('page.js', 'page.css'):name>"),
}
# What is for the person themselves, and for operators: no API key gets there.
PERSONAL, OPERATORS = ("/users/me", "/auth/"), "/admin/"
# Bodies that pass the schemas, so that the answer is about the resource.
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("PATCH", "/videos/<uuid:video_id>"): {"title": "x"},
    ("POST", "/videos/<uuid:video_id>/upload/parts"): {"part_numbers": [1]},
    ("POST", "/dubbing-jobs/<uuid:job_id>/languages"): {"target_languages": ["ca"]},
}


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """(method, rule, endpoint) of every route; HEAD and OPTIONS go with their GET."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, rule.rule, rule.endpoint


def address(rule: str, identifier: object) -> str:
    return re.sub(r"<[^>]+>", str(identifier), rule)


def test_the_public_routes_are_these(app: Flask) -> None:
    found = {(method, rule) for method, rule, endpoint in routes(app) if is_public(app.view_functions[endpoint])}
    assert found == PUBLIC


@pytest.mark.parametrize("method", ["", "HEAD", "OPTIONS"])
def test_every_other_route_demands_to_know_who_asks(app: Flask, method: str) -> None:
    browser = FlaskClient(app)
    guarded = [(verb, rule) for verb, rule, _ in routes(app) if (verb, rule) not in PUBLIC]
    assert guarded
    for verb, rule in guarded:
        if method == "HEAD" and verb != "GET":
            continue
        answer = browser.open(address(rule, "00000000-0000-7000-8000-000000000000"), method=method or verb)
        assert answer.status_code == 401, (verb, rule)


def test_what_is_personal_is_closed_to_keys_and_what_is_for_operators_to_all_others(app: Flask) -> None:
    for method, rule, endpoint in routes(app):
        view = app.view_functions[endpoint]
        assert is_admin_only(view) == rule.startswith(OPERATORS), (method, rule)
        if rule.startswith((*PERSONAL, OPERATORS)):
            assert is_session_only(view) or is_public(view), (method, rule)


def test_operators_routes_refuse_everybody_else(app: Flask, person: Person) -> None:
    closed = [(method, rule) for method, rule, _ in routes(app) if rule.startswith(OPERATORS)]
    assert closed
    for method, rule in closed:
        url = address(rule, "00000000-0000-7000-8000-000000000000")
        answer = person.client.open(url, method=method, headers=person.headers)
        assert (answer.status_code, answer.get_json(force=True)["code"]) == (403, "not_allowed"), (method, rule)


def test_no_key_gets_to_what_is_personal_or_for_operators(app: Flask, person: Person, engine: Engine) -> None:
    with transaction(engine) as session:
        operators.promote(session, session.get_one(User, person.id).email)
        _, key = api_keys.create(session, person.id, "x", list(api_keys.Scope))
    closed = [(m, rule) for m, rule, endpoint in routes(app) if is_session_only(app.view_functions[endpoint])]
    assert len(closed) >= 16
    for method, rule in closed:
        url = address(rule, "00000000-0000-7000-8000-000000000000")
        answer = person.client.open(url, method=method, headers={"Authorization": f"Bearer {key}"})
        assert (answer.status_code, answer.get_json(force=True)["code"]) == (403, "insufficient_scope"), (method, rule)


def test_the_document_says_who_may(app: Flask) -> None:
    document = app.api_doc["paths"]  # type: ignore[attr-defined]
    for method, rule, endpoint in routes(app):
        operation = document.get(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule), {}).get(method.lower())
        if operation is None:
            continue
        view, ways = app.view_functions[endpoint], {name for way in operation.get("security") or [] for name in way}
        expected = {"jwt", "cookie"} if is_session_only(view) else {"jwt", "apiKey", "cookie"}
        assert ways == (set() if is_public(view) else expected), (method, rule)


def test_another_users_resource_does_not_exist(app: Flask, person: Person, stranger: Person, engine: Engine) -> None:
    ids = owned(engine, person)
    resources = [(m, rule) for m, rule, _ in routes(app) if "_id>" in rule and not rule.startswith(OPERATORS)]
    assert len(resources) >= 9
    for method, rule in resources:
        (name,) = re.findall(r"<uuid:(\w+)>", rule)
        url, body = address(rule, ids[name]), BODIES.get((method, rule))
        anonymous = app.test_client().open(url, method=method, json=body)
        assert anonymous.status_code == 401, (method, rule)
        answer = stranger.client.open(url, method=method, headers=stranger.headers, json=body)
        assert (answer.status_code, answer.get_json(force=True)["code"]) == (404, "not_found"), (method, rule)
    assert person.get(f"/videos/{ids['video_id']}").status_code == 200
    assert person.get(f"/dubbing-jobs/{ids['job_id']}").json["status"] == "PENDING"
    assert len(person.get("/users/me/api-keys").json["items"]) == 1


def owned(engine: Engine, person: Person) -> dict[str, UUID]:
    """One of everything that a route can name, by the route's name for it; a new name has to be added."""
    video_id = a_video(engine, person.id)
    job_id = a_job(engine, video_id=video_id)
    with transaction(engine) as session:
        key, _ = api_keys.create(session, person.id, "x", [api_keys.Scope.READ])
        session_id = sessions.listed(session, person.id)[0].id
        endpoints.put(session, person.id, "https://example.com/")
        delivery_id = outbox.ping(session, person.id).id
    return {
        "video_id": video_id,
        "job_id": job_id,
        "key_id": key.id,
        "session_id": session_id,
        "delivery_id": delivery_id,
    }
