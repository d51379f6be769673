"""The running web tier against its own OpenAPI document: schemathesis, every check of it."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from shared import languages
from shared.accounts import passwords, users
from shared.config import Settings
from shared.db import transaction
from tests.factories import a_job, a_video
from tests.processes import Tier, tier
from tests.web.conftest import PASSWORD, SLOTS

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
# A schema can't say everything: that a language is served, that a cursor is signed, how many bytes a body may have.
EXPECTED = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 422, 429]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429]
"""


def examined(web: Tier, token: str, folder: Path, *options: str) -> str:
    """What schemathesis says about all operations; "" when it has nothing to say."""
    configuration = folder / "schemathesis.toml"
    configuration.write_text(EXPECTED)
    done = subprocess.run(
        [SCHEMATHESIS, "--config-file", configuration, "run", f"{web.url}/openapi.json",
         # It would end the session that all other calls are made in.
         "--exclude-path", "/auth/logout",
         "--checks", "all", "--header", f"Authorization: Bearer {token}",
         "--generation-deterministic", "--seed", "1", "--suppress-health-check", "all", "--continue-on-failure",
         "--warnings", "off", "--request-timeout", "20", "--no-color", *options],
        cwd=folder,
        capture_output=True,
        text=True,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture
def reachable(make_settings: Callable[..., Settings]) -> Settings:
    """Nothing is refused for having been asked too often."""
    return make_settings(max_live_jobs=1_000_000, access_token_seconds=3600)


@pytest.fixture
def token(reachable: Settings, engine: Engine) -> Callable[[Tier], str]:
    """Signs in a user who has a video and a job."""

    def sign_in(web: Tier) -> str:
        with transaction(engine) as session:
            user = users.create(session, "ana@onevoice.test", passwords.hash_password(PASSWORD))
            languages.publish(session, SLOTS)
        a_job(engine, video_id=a_video(engine, user.id))
        answer = httpx.post(f"{web.url}/auth/login", json={"email": "ana@onevoice.test", "password": PASSWORD})
        return str(answer.json()["access_token"])

    return sign_in


def failures(said: str) -> str:
    return "\n".join(re.split(r"={10,} FAILURES ={10,}|={10,} ERRORS ={10,}", said)[1:]) or said


@pytest.mark.timeout(240)
def test_every_answer_is_one_that_the_document_describes(reachable, token, tmp_path):
    with tier("web", reachable, tmp_path / "web.log") as web:
        said = examined(web, token(web), tmp_path, "--max-examples", "10")
    assert not said, failures(said)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_however_long_one_looks(reachable, token, tmp_path):
    with tier("web", reachable, tmp_path / "web.log") as web:
        said = examined(web, token(web), tmp_path, "--max-examples", "100")
    assert not said, failures(said)
