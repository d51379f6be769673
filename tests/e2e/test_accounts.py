"""An account's whole life over HTTP, against the stack, its mails read from where the stack lays them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from local.stack import Stack
from tests.processes import until

ADDRESS, PASSWORD, ANOTHER = "ana@example.org", "a horse and a battery", "a staple, correct as well"


class Person:
    """At a browser's place: calls the service, reads the mails that came for ADDRESS."""

    def __init__(self, url: str, mails: Path) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30)
        self._mails = mails

    def post(self, path: str, expected: int, **body: Any) -> Any:
        return self._read(self.http.post(path, json=body), expected)

    def get(self, path: str, expected: int, token: str) -> Any:
        return self._read(self.http.get(path, headers=bearer(token)), expected)

    def link(self, subject: str) -> str:
        """Where the mail with this subject leads; the page answers, and following the link changes nothing."""
        mail = until(lambda: self._mail(subject), 10, f"a mail “{subject}”")
        link = re.findall(r"https?://\S+", mail)[0]
        assert httpx.get(link, trust_env=False).status_code == 200
        return link

    def token(self, subject: str) -> str:
        """What the page behind the mail's link would post."""
        where = urlsplit(self.link(subject))
        (token,) = parse_qs(where.fragment or where.query)["token"]
        return token

    def subjects(self) -> list[str]:
        return [re.findall(r"^Subject: (.*)$", mail, re.M)[0] for mail in self._texts()]

    def _mail(self, subject: str) -> str | None:
        return next((mail for mail in reversed(self._texts()) if f"Subject: {subject}" in mail), None)

    def _texts(self) -> list[str]:
        texts = [path.read_text(encoding="utf-8") for path in sorted(self._mails.glob("*.txt"))]
        return [text for text in texts if f"To: {ADDRESS}" in text]

    def _read(self, answer: httpx.Response, expected: int) -> Any:
        assert answer.status_code == expected, answer.text
        return answer.json() if answer.content else None


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    with Stack(tmp_path) as stack:
        yield Person(stack.url, tmp_path / "mail")


def test_from_sign_up_to_deletion(person: Person) -> None:
    person.post("/auth/signup", 202, email=ADDRESS, password=PASSWORD)
    person.post("/auth/login", 401, email=ADDRESS, password=PASSWORD)
    verification = person.token("Confirm")
    assert person.post("/auth/verify-email", 200, token=verification)["email"] == ADDRESS
    person.post("/auth/verify-email", 422, token=verification)

    first = person.post("/auth/login", 200, email=ADDRESS, password=PASSWORD)
    second = person.post("/auth/refresh", 200, refresh_token=first["refresh_token"])
    assert person.get("/users/me", 200, second["access_token"])["email"] == ADDRESS

    person.post("/auth/forgot-password", 202, email=ADDRESS)
    person.post("/auth/reset-password", 204, token=person.token("Set a new password"), password=ANOTHER)
    person.get("/users/me", 401, second["access_token"])
    person.post("/auth/refresh", 401, refresh_token=second["refresh_token"])
    person.post("/auth/login", 401, email=ADDRESS, password=PASSWORD)
    access = person.post("/auth/login", 200, email=ADDRESS, password=ANOTHER)["access_token"]
    until(lambda: any("password" in subject.lower() and "changed" in subject for subject in person.subjects()), 10,
          "the notice of the change")  # fmt: skip

    person.post("/auth/signup", 202, email=ADDRESS, password="planted by somebody else")
    person.link("You already have")
    kinds = [item["kind"] for item in person.get("/users/me/activity", 200, access)["items"]]
    assert {"account_created", "signed_in", "password_reset"} <= set(kinds)

    gone = person.http.request("DELETE", "/users/me", headers=bearer(access), json={"password": ANOTHER})
    assert gone.status_code == 204, gone.text
    person.get("/users/me", 401, access)
    person.post("/auth/login", 401, email=ADDRESS, password=ANOTHER)
