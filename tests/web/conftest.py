"""The web tier over a real database and moto's HTTP; every answer is held against the OpenAPI document."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from shared import languages
from shared.accounts import passwords, sessions, users
from shared.accounts.client import Client
from shared.config import Settings
from shared.db import transaction
from shared.models import new_id
from tests.factories import a_video
from tests.media import ffmpeg
from web import signing
from web.app import create_app

PASSWORD = "correct horse battery"
SOMEWHERE = Client("pytest", "127.0.0.0/24")

SLOTS: dict[str, dict[str, Any]] = {
    "speech_recognition": {"engines": ["fake"], "languages": ["en"], "detects_language": False},
    "forced_alignment": {"engines": ["fake"], "languages": ["en"]},
    "translation": {"engines": ["fake"], "pairs": [["en", "es"], ["en", "ca"], ["es", "ca"], ["en", "fr"]]},
    "speech_synthesis": {
        "engines": ["fake"],
        "cloned": ["es"],
        "voices": [
            {"voice_id": "fake:ana", "name": "Ana", "languages": ["es"], "gender": "female"},
            {"voice_id": "fake:pau", "name": "Pau", "languages": ["ca"], "gender": "male"},
        ],
    },
}


class CheckedClient(FlaskClient):
    """Refuses answers that the OpenAPI document does not describe."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = super().open(*args, **kwargs)
        assert response.headers["X-Request-Id"]
        operation = self._operation(response.request.path, response.request.method)
        if operation is not None:
            self._check(operation, response)
        elif response.status_code >= 400:
            self._validate({"$ref": "#/components/schemas/Problem"}, response)
        return response

    def _operation(self, path: str, method: str) -> dict[str, Any] | None:
        for template, item in self.application.api_doc["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[0-9a-f-]{36}", template), path):
                found: dict[str, Any] | None = item.get(method.lower())
                return found
        return None

    def _check(self, operation: dict[str, Any], response: TestResponse) -> None:
        documented = operation["responses"]
        described = documented.get(str(response.status_code)) or (
            documented["default"] if response.status_code >= 400 else {}
        )
        if response.status_code == 304:
            assert not response.data
            return
        assert described, f"{response.status_code} is not documented"
        if not described.get("content"):
            assert not response.data
            return
        assert response.mimetype in described["content"]
        self._validate(described["content"][response.mimetype]["schema"], response)

    def _validate(self, schema: dict[str, Any], response: TestResponse) -> None:
        root = {**schema, "components": self.application.api_doc["components"]}
        OAS31Validator(root).validate(json.loads(response.data))


@dataclass
class Person:
    """A signed-in user."""

    id: UUID
    client: FlaskClient
    headers: dict[str, str]

    def _send(self, method: str, url: str, **kwargs: Any) -> TestResponse:
        return self.client.open(url, method=method, headers={**self.headers, **kwargs.pop("headers", {})}, **kwargs)

    def get(self, url: str, **kwargs: Any) -> TestResponse:
        return self._send("GET", url, **kwargs)

    def post(self, url: str, **kwargs: Any) -> TestResponse:
        return self._send("POST", url, **kwargs)

    def put(self, url: str, **kwargs: Any) -> TestResponse:
        return self._send("PUT", url, **kwargs)

    def patch(self, url: str, **kwargs: Any) -> TestResponse:
        return self._send("PATCH", url, **kwargs)

    def delete(self, url: str, **kwargs: Any) -> TestResponse:
        return self._send("DELETE", url, **kwargs)

    def upload(self, path: Path, **announced: Any) -> str:
        """Announce the file and PUT its bytes where the answer says; the video's id."""
        body = {"filename": path.name, "size_bytes": path.stat().st_size, "content_type": "video/mp4", **announced}
        answer = self.post("/videos", json=body)
        assert answer.status_code == 201, answer.json
        put = answer.json["upload"]
        httpx.put(put["url"], content=path.read_bytes(), headers=put["headers"]).raise_for_status()
        return str(answer.json["video_id"])

    def ready(self, path: Path) -> str:
        """A READY video of the file."""
        video_id = self.upload(path)
        assert self.post(f"/videos/{video_id}/uploaded").status_code == 200
        return video_id


def code(answer: TestResponse) -> tuple[int, str]:
    """The status and the code of a refusal."""
    return answer.status_code, answer.get_json(force=True)["code"]


@pytest.fixture
def make_app(engine: Engine) -> Iterator[Callable[[Settings], Flask]]:
    made: list[Flask] = []

    def make(settings: Settings) -> Flask:
        app = create_app(settings)
        app.test_client_class = CheckedClient
        made.append(app)
        return app

    yield make
    from web.database import db

    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(make_app: Callable[[Settings], Flask], settings: Settings) -> Flask:
    return make_app(settings)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def sign_in(engine: Engine) -> Callable[[Flask], Person]:
    def make(app: Flask) -> Person:
        with transaction(engine) as session:
            user = users.create(session, f"{new_id()}@onevoice.test", "!")
            opened = sessions.begin(session, user.id, SOMEWHERE, lasts_seconds=3600, password_hash="!")
        with app.app_context():
            token = signing.access_token(opened)
        return Person(user.id, app.test_client(), {"Authorization": f"Bearer {token}"})

    return make


@pytest.fixture
def person(app: Flask, sign_in: Callable[[Flask], Person]) -> Person:
    return sign_in(app)


@pytest.fixture
def stranger(app: Flask, sign_in: Callable[[Flask], Person]) -> Person:
    return sign_in(app)


@pytest.fixture
def video(person: Person, engine: Engine) -> UUID:
    """A READY video of that person's."""
    return a_video(engine, person.id)


@pytest.fixture
def account(engine: Engine) -> str:
    """An account with PASSWORD; its address."""
    with transaction(engine) as session:
        users.create(session, "Ana@onevoice.test", passwords.hash_password(PASSWORD))
    return "Ana@onevoice.test"


@pytest.fixture
def served(engine: Engine) -> None:
    """A worker has said what its engines can do."""
    with transaction(engine) as session:
        languages.publish(session, SLOTS)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with clip.mp4 (6 s, 320x240, English sound, moov up front) and what is made from it."""
    folder = tmp_path_factory.mktemp("media")
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc=s=320x240:r=25:d=6",
        "-f",
        "lavfi",
        "-i",
        "sine=r=48000:d=6",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        "50",
        "-c:a",
        "aac",
        "-metadata:s:a:0",
        "language=eng",
        "-movflags",
        "+faststart",
        folder / "clip.mp4",
    )
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=2", "-c:v", "libx264", folder / "silent_film.mp4")
    whole = (folder / "clip.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "text.mp4").write_text("This is not a film. " * 100)
    (folder / "playlist.mp4").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    )
    (folder / "concat.mp4").write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    (folder / "subtitles.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nHello.\n")
    return folder
