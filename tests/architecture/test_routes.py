# ruff: noqa: F811 - the fixtures are those of tests/web
"""Every route is guarded or says that it is public, and nobody sees what is another's."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

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
from web.auth import is_public

PUBLIC = {
    ("POST", "/auth/login"),
    ("GET", "/languages"),
    ("GET", "/voices"),
    ("GET", "/health"),
    ("GET", "/health/ready"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/start.js"),
    ("GET", "/docs/ui/<path:name>"),
}
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


def test_another_users_resource_does_not_exist(app: Flask, person: Person, stranger: Person, engine: Engine) -> None:
    video_id = a_video(engine, person.id)
    ids = {"video_id": video_id, "job_id": a_job(engine, video_id=video_id)}
    resources = [(method, rule) for method, rule, _ in routes(app) if any(f":{name}>" in rule for name in ids)]
    assert len(resources) >= 7
    for method, rule in resources:
        (name,) = re.findall(r"<uuid:(\w+)>", rule)
        answer = stranger.client.open(
            address(rule, ids[name]), method=method, headers=stranger.headers, json=BODIES.get((method, rule))
        )
        assert (answer.status_code, answer.get_json(force=True)["code"]) == (404, "not_found"), (method, rule)
    assert person.get(f"/videos/{video_id}").status_code == 200
    assert person.get(f"/dubbing-jobs/{ids['job_id']}").json["status"] == "PENDING"
