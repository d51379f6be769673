"""Sessions in a browser: cookies, and what another site can't do with them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token, decode_token
from sqlalchemy import Engine, func, update
from werkzeug.test import TestResponse

from shared.accounts import tokens
from shared.config import Settings
from shared.db import transaction
from shared.models import UserSession
from tests.web.conftest import PASSWORD, code

SAFE = {"Path=/", "HttpOnly", "SameSite=Lax"}


def signed_in(app: Flask, email: str) -> FlaskClient:
    browser = app.test_client()
    answer = browser.post("/auth/login", json={"email": email, "password": PASSWORD, "session": "cookie"})
    assert answer.status_code == 200, answer.json
    return browser


def attributes(answer: TestResponse) -> dict[str, set[str]]:
    """The attributes of each cookie of the session that is set, without when it goes."""
    found = {}
    for line in answer.headers.getlist("Set-Cookie"):
        name, _, rest = line.partition("=")
        if "token" in name:
            found[name] = {part for part in rest.split("; ")[1:] if not part.startswith("Expires=")}
    return found


def csrf(browser: FlaskClient, kind: str = "access_token") -> dict[str, str]:
    cookie = browser.get_cookie({"access_token": "csrf_access_token", "refresh": "csrf_refresh_token"}[kind])
    assert cookie
    return {"X-CSRF-TOKEN": cookie.value}


@pytest.fixture
def browser(app: Flask, account: str) -> FlaskClient:
    return signed_in(app, account)


def test_the_tokens_are_in_cookies_and_not_in_the_answer(client: FlaskClient, account: str, settings: Settings) -> None:
    answer = client.post("/auth/login", json={"email": account, "password": PASSWORD, "session": "cookie"})
    lives, stays = settings.access_token_seconds, settings.refresh_token_seconds
    assert answer.json == {"expires_in": lives, "refresh_expires_in": stays}
    assert answer.headers["Cache-Control"] == "no-store"
    assert attributes(answer) == {
        "access_token_cookie": {*SAFE, f"Max-Age={lives}"},
        "csrf_access_token": {"Path=/", "SameSite=Lax", f"Max-Age={lives}"},
        "refresh_token_cookie": {"Path=/auth", "HttpOnly", "SameSite=Lax", f"Max-Age={stays}"},
        "csrf_refresh_token": {"Path=/", "SameSite=Lax", f"Max-Age={stays}"},
    }
    assert client.get("/videos").status_code == 200


def test_under_https_they_are_secure(
    make_app: Callable[[Settings], Flask], make_settings: Callable[..., Settings], account: str
) -> None:
    client = make_app(make_settings(public_url="https://onevoice.test")).test_client()
    answer = client.post("/auth/login", json={"email": account, "password": PASSWORD, "session": "cookie"})
    assert all("Secure" in marks for marks in attributes(answer).values())


def test_token_mode_sets_none(client: FlaskClient, account: str) -> None:
    answer = client.post("/auth/login", json={"email": account, "password": PASSWORD})
    assert attributes(answer) == {}


@pytest.mark.parametrize("value", ["both", "", None, 1])
def test_other_modes_there_are_none(client: FlaskClient, account: str, value: object) -> None:
    answer = client.post("/auth/login", json={"email": account, "password": PASSWORD, "session": value})
    assert code(answer) == (422, "invalid_request")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("header", [None, "", "x", "é", "0" * 5000])
def test_what_changes_something_needs_the_csrf_token(browser: FlaskClient, method: str, header: str | None) -> None:
    video = "/videos/00000000-0000-7000-8000-000000000000"
    url = {"POST": "/videos", "PUT": "/users/me/password"}.get(method, video)
    answer = browser.open(url, method=method, json={}, headers={} if header is None else {"X-CSRF-TOKEN": header})
    assert code(answer) == (403, "csrf_failed")


def test_with_it_the_cookie_is_as_good_as_the_header(browser: FlaskClient) -> None:
    video = {"filename": "a.mp4", "size_bytes": 10, "content_type": "video/mp4"}
    assert browser.post("/videos", json=video, headers=csrf(browser)).status_code == 201


def test_the_csrf_token_of_another_session_does_not_do(app: Flask, browser: FlaskClient, account: str) -> None:
    other = signed_in(app, account)
    assert code(browser.post("/videos", json={}, headers=csrf(other))) == (403, "csrf_failed")
    assert code(browser.post("/auth/refresh", headers=csrf(other, "refresh"))) == (403, "csrf_failed")
    assert code(browser.post("/auth/refresh", headers=csrf(browser))) == (403, "csrf_failed")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Bearer ov_0123456789", "Basic YTpi", "Bearer a.b.c"])
def test_a_bad_header_never_falls_back_to_the_cookie(browser: FlaskClient, header: str) -> None:
    assert code(browser.get("/videos", headers={"Authorization": header})) == (401, "not_authenticated")
    headers = {"Authorization": header, **csrf(browser, "refresh")}
    assert code(browser.post("/auth/logout", headers=headers)) == (401, "not_authenticated")
    assert browser.get("/videos").status_code == 200


def test_the_header_needs_no_csrf_token(client: FlaskClient, browser: FlaskClient, account: str) -> None:
    token = client.post("/auth/login", json={"email": account, "password": PASSWORD}).json["access_token"]  # type: ignore[index]
    video = {"filename": "a.mp4", "size_bytes": 10, "content_type": "video/mp4"}
    answer = browser.post("/videos", json=video, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201


@pytest.mark.parametrize("cookie", ["x", "a.b.c", "é", ""])
def test_a_malformed_cookie(client: FlaskClient, cookie: str) -> None:
    client.set_cookie("access_token_cookie", cookie)
    assert code(client.get("/videos")) == (401, "not_authenticated")


def test_a_refresh_turns_the_cookies_over(browser: FlaskClient) -> None:
    before = csrf(browser), csrf(browser, "refresh")
    browser.delete_cookie("access_token_cookie")
    assert code(browser.get("/videos")) == (401, "not_authenticated")
    answer = browser.post("/auth/refresh", headers=csrf(browser, "refresh"))
    assert answer.status_code == 200
    assert set(answer.json or {}) == {"expires_in", "refresh_expires_in"}
    assert browser.get("/videos").status_code == 200
    after = csrf(browser), csrf(browser, "refresh")
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert browser.post("/auth/refresh", json={}, headers=csrf(browser, "refresh")).status_code == 200


@pytest.mark.parametrize("header", [{}, {"X-CSRF-TOKEN": "x"}, {"X-CSRF-TOKEN": "é"}])
def test_refresh_and_logout_by_cookie_need_the_csrf_token(browser: FlaskClient, header: dict[str, str]) -> None:
    assert code(browser.post("/auth/refresh", headers=header)) == (403, "csrf_failed")
    refused = browser.post("/auth/logout", headers=header)
    assert code(refused) == (403, "csrf_failed")
    assert "Set-Cookie" not in refused.headers
    assert browser.get("/videos").status_code == 200


def test_logout_takes_the_cookies(browser: FlaskClient) -> None:
    kept: dict[str, Any] = {name: browser.get_cookie(name) for name in ("access_token_cookie", "csrf_access_token")}
    assert browser.post("/auth/logout", headers=csrf(browser, "refresh")).status_code == 204
    assert not any(browser.get_cookie(name) for name in kept)
    assert browser.get_cookie("refresh_token_cookie", path="/auth") is None
    browser.set_cookie("access_token_cookie", kept["access_token_cookie"].value)
    assert code(browser.get("/videos")) == (401, "not_authenticated")


def test_logout_by_the_access_cookie_alone(browser: FlaskClient) -> None:
    browser.delete_cookie("refresh_token_cookie", path="/auth")
    assert code(browser.post("/auth/logout")) == (403, "csrf_failed")
    assert browser.post("/auth/logout", headers=csrf(browser)).status_code == 204


def test_a_refresh_cookie_of_no_session_is_taken_too(browser: FlaskClient) -> None:
    browser.set_cookie("refresh_token_cookie", "x", path="/auth")
    refused = browser.post("/auth/logout", headers={"X-CSRF-TOKEN": tokens.hashed("csrf:x")})
    assert code(refused) == (401, "not_authenticated")
    assert browser.get_cookie("refresh_token_cookie", path="/auth") is None


def kept(browser: FlaskClient) -> list[str]:
    """The session's cookies that the browser still has."""
    paths = {
        "access_token_cookie": "/",
        "csrf_access_token": "/",
        "refresh_token_cookie": "/auth",
        "csrf_refresh_token": "/",
    }
    return [name for name, path in paths.items() if browser.get_cookie(name, path=path)]


def test_a_refresh_that_fails_takes_the_cookies(browser: FlaskClient, engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(update(UserSession).values(revoked_at=func.now()))
    assert code(browser.post("/auth/refresh", headers=csrf(browser, "refresh"))) == (401, "not_authenticated")
    assert kept(browser) == []


def test_a_refresh_that_fails_by_its_body_leaves_the_cookies(browser: FlaskClient) -> None:
    assert code(browser.post("/auth/refresh", json={"refresh_token": "x"})) == (401, "not_authenticated")
    assert code(browser.post("/auth/refresh")) == (403, "csrf_failed")
    assert len(kept(browser)) == 4


def test_logout_takes_an_access_cookie_that_has_expired(app: Flask, browser: FlaskClient) -> None:
    browser.delete_cookie("refresh_token_cookie", path="/auth")
    with app.app_context():
        expired = create_access_token("x", expires_delta=timedelta(seconds=-10))
        proof = {"X-CSRF-TOKEN": decode_token(expired, allow_expired=True)["csrf"]}
    browser.set_cookie("access_token_cookie", expired)
    assert code(browser.post("/auth/logout")) == (403, "csrf_failed")
    assert code(browser.post("/auth/logout", headers=proof)) == (401, "token_expired")
    assert kept(browser) == []


def test_who_brings_no_cookies_has_none_taken(client: FlaskClient) -> None:
    """So another site's form, which brings none, signs nobody out."""
    for path in ("/auth/logout", "/auth/refresh"):
        refused = client.post(path)
        assert code(refused) == (401, "not_authenticated")
        assert "Set-Cookie" not in refused.headers


def test_logout_may_be_said_twice(browser: FlaskClient) -> None:
    headers = csrf(browser, "refresh")
    cookie = browser.get_cookie("refresh_token_cookie", path="/auth")
    assert browser.post("/auth/logout", headers=headers).status_code == 204
    assert cookie
    browser.set_cookie("refresh_token_cookie", cookie.value, path="/auth")
    again = browser.post("/auth/logout", headers=headers)
    assert again.status_code == 204
    assert browser.get_cookie("refresh_token_cookie", path="/auth") is None
