"""The signing secret is changed, and nobody is signed out."""

import secrets
from collections.abc import Callable

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.config import Settings
from tests.web.conftest import PASSWORD
from web.signing import key_id

OLD, NEW, FOREIGN = (secrets.token_urlsafe(32) for _ in range(3))


def token_of(client: FlaskClient, email: str) -> str:
    return str((client.post("/auth/login", json={"email": email, "password": PASSWORD}).json or {})["access_token"])


def status(client: FlaskClient, token: str) -> int:
    return client.get("/videos", headers={"Authorization": f"Bearer {token}"}).status_code


@pytest.fixture
def client_of(
    make_app: Callable[[Settings], Flask], make_settings: Callable[..., Settings]
) -> Callable[..., FlaskClient]:
    def make(secret: str, previous: str | None = None) -> FlaskClient:
        return make_app(make_settings(jwt_secret=secret, jwt_previous_secret=previous)).test_client()

    return make


def test_the_old_secrets_tokens_live_on(client_of: Callable[..., FlaskClient], account: str) -> None:
    before, between, after = client_of(OLD), client_of(NEW, OLD), client_of(NEW)
    old, new = token_of(before, account), token_of(between, account)
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    assert [status(client, old) for client in (before, between, after)] == [200, 200, 401]
    assert [status(client, new) for client in (before, between, after)] == [401, 200, 200]


@pytest.mark.parametrize(
    "header",
    [{}, {"kid": "x"}, {"kid": 1}, {"kid": ["x"]}, {"kid": ""}, {"kid": "of another"}, {"alg": "none"}, {"typ": 1}],
)
def test_a_header_that_is_made_up(
    client_of: Callable[..., FlaskClient], account: str, header: dict[str, object]
) -> None:
    client = client_of(NEW, OLD)
    claims = jwt.decode(token_of(client, account), options={"verify_signature": False})
    forged = jwt.api_jws.PyJWS()
    name = key_id(Settings.model_fields["jwt_secret"].annotation(OLD))  # type: ignore[misc]
    payload = jwt.api_jws.json.dumps(claims).encode()
    forged._validate_headers = lambda *_, **__: None  # type: ignore[method-assign]
    algorithm = "none" if header.get("alg") == "none" else "HS256"
    token = forged.encode(payload, None if algorithm == "none" else FOREIGN, algorithm, headers={"kid": name, **header})
    assert status(client, token) == 401


def test_a_token_names_its_secret_without_telling_it(client_of: Callable[..., FlaskClient], account: str) -> None:
    header = jwt.get_unverified_header(token_of(client_of(NEW), account))
    assert len(header["kid"]) == 12
    assert NEW not in str(header)
