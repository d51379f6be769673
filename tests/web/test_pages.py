"""The pages behind the links in mails, and the mail that goes out as soon as it is committed."""

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.serving import make_server

from shared.config import Settings
from shared.db import transaction
from shared.mails import links, outbox
from shared.mails.templates import Template
from shared.models import OutgoingMail, new_id
from tests.mailbox import can_send, letter
from tests.processes import until
from web.mails import AT_ONCE, send_now
from web.pages.routes import PAGES, mail_pages

NAMES = tuple(PAGES["en"])


class Page(HTMLParser):
    """The elements of a page by tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    """The pages alone: they ask nothing of anyone."""
    app = Flask("pages")
    app.register_blueprint(mail_pages)
    return app.test_client()


def address(name: str, lang: str = "en") -> str:
    return f"/app/unsubscribe/abc?lang={lang}" if name == "unsubscribe" else f"/app/{name}?lang={lang}#token=abc"


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_runs_nothing_inline_and_tells_nobody(client: FlaskClient, name: str, lang: str) -> None:
    answer = client.get(address(name, lang))
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    page = Page(answer.text)
    assert all("src" in script for script in page.all("script"))
    assert not page.all("style")
    assert not [
        attributes for _, attributes in page.elements if any(a == "style" or a.startswith("on") for a in attributes)
    ]
    sources = [s["src"] for s in page.all("script")] + [sheet["href"] for sheet in page.all("link")]
    assert [client.get(str(source)).status_code for source in sources] == [200, 200]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_can_be_heard_and_typed(client: FlaskClient, name: str) -> None:
    page = Page(client.get(address(name, "ko")).text)
    assert page.all("html") == [{"lang": "ko"}]
    labelled = {label["for"] for label in page.all("label")}
    inputs = [field for field in page.all("input") if field.get("type") != "hidden"]
    assert {field["id"] for field in inputs} == labelled
    assert all(field["autocomplete"] for field in inputs)
    described = {field["aria-describedby"] for field in inputs if "aria-describedby" in field}
    assert described <= {hint.get("id") for hint in page.all("p")}
    assert [p for p in page.all("p") if p.get("role") == "status"]
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("button")) == 1


def test_the_pages_post_where_the_api_listens(app: Flask) -> None:
    rules = app.url_map.bind("localhost")
    for name in NAMES:
        page = Page(app.test_client().get(address(name)).text)
        target = page.all("form")[0]["data-post"]
        assert rules.test(target, method="POST"), target


@pytest.fixture
def served() -> Iterator[str]:
    """The pages at a real address."""
    app = Flask("pages")
    app.register_blueprint(mail_pages)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def seen(url: str, profile: Path) -> Page:
    """The page after a browser has run its script."""
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=3000",
        f"--user-data-dir={profile}",
    ]
    command = ["chromium", *options, "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return Page(done.stdout)


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs a browser: apt-get install chromium")
@pytest.mark.parametrize(
    ("link", "token"),
    [
        ("#token=a-b_c", "a-b_c"),
        ("#token=%22%3E%3Cscript%3E", '"><script>'),
        ("", ""),
        (f"#token={'x' * 201}", "x" * 201),
    ],
)
def test_a_page_takes_the_token_from_behind_the_hash(served: str, tmp_path: Path, link: str, token: str) -> None:
    page = seen(f"{served}/app/verify-email{link}", tmp_path)
    (form,), (cut_off,) = page.all("form"), [p for p in page.all("p") if p.get("id") == "cut-off"]
    is_whole = 0 < len(token) <= 200
    assert ("hidden" in form, "hidden" in cut_off) == (not is_whole, is_whole)
    assert len(page.all("script")) == 1


def test_no_page_says_what_is_in_its_address(client: FlaskClient) -> None:
    answer = client.get("/app/verify-email", query_string={"token": "secret-token"})
    assert "secret-token" not in answer.text


@pytest.mark.parametrize(
    ("header", "lang", "title"),
    [
        ("ko-KR,ko;q=0.9,en;q=0.5", "", "비밀번호 찾기"),
        ("fr", "", "Forgot your password?"),
        ("ko", "en", "Forgot your password?"),
        ("", "ko", "비밀번호 찾기"),
        ("", "xx", "Forgot your password?"),
    ],
)
def test_the_readers_language_is_found(client: FlaskClient, header: str, lang: str, title: str) -> None:
    answer = client.get("/app/forgot-password", query_string={"lang": lang}, headers={"Accept-Language": header})
    assert f"<h1>{title}</h1>" in answer.text


def test_the_links_in_mails_lead_to_pages(app: Flask, settings: Settings) -> None:
    made = [
        links.verify_email(settings, "t"),
        links.reset_password(settings, "t"),
        links.forgot_password(settings),
        links.verify_new_email(settings, "t"),
        links.unsubscribe(settings, "t"),
    ]
    for link in made:
        assert link.startswith(settings.public_url)
        assert app.test_client().get(link.removeprefix(settings.public_url)).status_code == 200
    by_hand = app.test_client().get(links.unsubscribe_post(settings, "a.b-c").removeprefix(settings.public_url))
    assert (by_hand.status_code, by_hand.headers["Location"]) == (302, "/app/unsubscribe/a.b-c")


def test_both_languages_have_the_same_pages() -> None:
    english, korean = PAGES["en"], PAGES["ko"]
    assert english.keys() == korean.keys()
    for name, page in english.items():
        other = korean[name]
        assert (page.post, page.fields, page.again) == (other.post, other.fields, other.again)
        assert re.search("[가-힣]", other.title + other.lead)


def written(engine: Engine, to: str) -> OutgoingMail:
    with transaction(engine) as session:
        mail_id = outbox.write(session, Template.PASSWORD_CHANGED, to, locale="en")
        return session.get_one(OutgoingMail, mail_id)


def status(engine: Engine, mail: OutgoingMail) -> str:
    with transaction(engine) as session:
        return session.get_one(OutgoingMail, mail.id).status


def test_a_mail_goes_out_as_soon_as_it_is_committed(app: Flask, settings: Settings, engine: Engine) -> None:
    can_send(settings)
    to = f"{new_id()}@onevoice.test"
    mail = written(engine, to)
    with app.app_context():
        send_now(mail.id)
        send_now(None)
        send_now(new_id())
    assert letter(to).subject == "Your OneVoice password was changed"
    until(lambda: status(engine, mail) == "SENT", 10)


def test_nobody_waits_for_a_mail_service_that_is_away(make_app, make_settings, engine: Engine) -> None:
    app = make_app(make_settings(ses_endpoint_url="http://127.0.0.1:9"))
    mails = [written(engine, f"{new_id()}@onevoice.test") for _ in range(100)]
    began, threads = time.monotonic(), threading.active_count()
    with app.app_context():
        for mail in mails:
            send_now(mail.id)
    assert time.monotonic() - began < 1
    assert threading.active_count() <= threads + AT_ONCE
    until(lambda: attempted(engine, mails[0]) and threading.active_count() <= threads, 30)
    assert status(engine, mails[0]) == "PENDING"


def attempted(engine: Engine, mail: OutgoingMail) -> bool:
    with transaction(engine) as session:
        return bool(session.get_one(OutgoingMail, mail.id).error)
