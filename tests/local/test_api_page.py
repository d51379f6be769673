"""docs/api.md against the service: every path is there, every path in it exists, every code can happen."""

import re
from pathlib import Path

import pytest

from local.client import Client
from shared.config import load
from shared.mails import reasons
from web.app import create_app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/api.md").read_text()
CODES = PAGE.split("## Codes", 1)[1]
NAMES = {
    "$VIDEO": "{video_id}",
    "$JOB": "{job_id}",
    "$DELIVERY": "{delivery_id}",
    "$KEY": "{key_id}",
    "$SESSION": "{session_id}",
    "$LINK": "{token}",
}


@pytest.fixture(scope="module")
def operations() -> set[tuple[str, str]]:
    nowhere = load(
        environment="test",
        database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing",
        s3_bucket="none",
        sqs_queue_url="http://127.0.0.1:1/none",
        mail_from="nobody@onevoice.test",
        jwt_secret="no secret at all, but as long as one",
    )
    paths = create_app(nowhere).api_doc["paths"]
    return {(method.upper(), path) for path, item in paths.items() for method in item}


def examples() -> set[tuple[str, str]]:
    """The calls of the curl examples."""
    found = set()
    for command in re.findall(r"curl (?:.*\\\n)*.*", PAGE):
        address = re.search(r'"?\$URL(/[^\s"?]*)', command)
        if address is None:  # the store's
            continue
        path = address[1].rstrip(")")
        for variable, name in NAMES.items():
            path = path.replace(variable, name)
        method = re.search(r"-X ([A-Z]+)", command)
        found.add((method[1] if method else "POST" if "--json" in command else "GET", path))
    return found


def test_each_call_has_its_example_and_each_example_its_call(operations):
    assert examples() == operations


@pytest.mark.parametrize(
    "code", sorted(set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", "".join(re.findall(r"^\| (`.*?) \|", CODES, re.M)))))
)
def test_each_code_can_happen(code):
    sources = (path.read_text() for folder in ("shared", "web", "worker") for path in (ROOT / folder).rglob("*.py"))
    assert any(f'"{code}"' in source for source in sources)


def test_each_code_of_the_web_tier_is_explained():
    raised = set()
    for path in (*(ROOT / "web").rglob("*.py"), *(ROOT / "shared").rglob("*.py")):
        raised |= set(re.findall(r'AppError\(\s*"([a-z_]+)"', path.read_text()))
    assert {code for code in raised if f"`{code}`" not in CODES} == set()


def test_each_method_of_the_client_that_is_shown_exists():
    assert {name for name in re.findall(r"client\.(\w+)\(", PAGE) if not hasattr(Client, name)} == set()


def test_each_code_that_a_mail_explains_is_explained():
    assert {code for code in reasons.KOREAN if f"`{code}`" not in CODES} == set()
