"""Every mail in every language: whole in both forms, and nothing in it is taken for anything but text."""

from html.parser import HTMLParser

import pytest

from shared.mails.templates import LOCALES, TEXTS, Template, locale_of, render

VALUES = {
    "link": "https://onevoice.test/app/x?d=<e>#token=a-b_c",
    "expires": "2026-05-01T19:05:00+09:00",
    "asked": "2026-04-30T23:59:00+09:00",
    "browser": "Firefox on Linux",
    "network": "203.0.113.0/24",
    "new_email": "new@onevoice.test",
    "title": 'A "talk" <script>alert(1)</script> & more\r\nBcc: all@onevoice.test',
    "languages": ["Spanish", "Catalan"],
    "failed": ["French"],
    "reason": "The sound <b>can't</b> be\nread.",
}
ALL = [(template, locale) for template in Template for locale in LOCALES]


class Reader(HTMLParser):
    """The tags, the links and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data


def filled(template, locale, **others):
    values = {name: VALUES[name] for name in template.parameters}
    return render(template, "kim@onevoice.test", locale, values | others, unsubscribe_page="https://onevoice.test/u/1")


@pytest.mark.parametrize(("template", "locale"), ALL)
def test_both_forms_say_all_there_is_to_say(template, locale):
    mail = filled(template, locale)
    page = Reader(mail.html)
    assert mail.subject == mail.subject.strip() != ""
    assert "\n" not in mail.subject
    for shown in (mail.text, page.text):
        for name in template.parameters:
            assert said(name, locale) in " ".join(shown.split()), name
    assert page.links[-1] == "https://onevoice.test/u/1" + ("?lang=ko" if locale == "ko" else "")
    assert page.links[-1] in mail.text.splitlines()
    if "link" in template.parameters:
        assert page.links[0] == said("link", locale)
        assert page.links[0] in mail.text.splitlines()
    assert page.tags <= {"html", "head", "meta", "title", "body", "div", "p", "a", "br"}


def said(name, locale):
    if name == "expires":
        return "1 May 2026, 10:05 UTC" if locale == "en" else "2026년 5월 1일 10:05(UTC)"
    if name == "asked":
        return "30 April 2026, 14:59 UTC" if locale == "en" else "2026년 4월 30일 14:59(UTC)"
    if name == "link" and locale == "ko":
        return "https://onevoice.test/app/x?d=<e>&lang=ko#token=a-b_c"
    value = VALUES[name]
    return ", ".join(value) if isinstance(value, list) else " ".join(value.split())


@pytest.mark.parametrize("template", Template)
def test_korean_is_korean(template):
    korean, english = filled(template, "ko"), filled(template, "en")
    assert any("가" <= letter <= "힣" for letter in korean.subject)
    assert korean.subject != english.subject
    assert not any("가" <= letter <= "힣" for letter in english.text + english.html)


def test_a_necessary_mail_has_no_way_out():
    mail = render(Template.PASSWORD_CHANGED, "kim@onevoice.test", "en", {})
    assert "no more" not in mail.text + mail.html


def test_what_is_no_browser_is_called_so():
    assert "with a program that is no browser" in filled(Template.VERIFY, "en", browser="").text
    assert "브라우저가 아닌 프로그램" in filled(Template.VERIFY, "ko", browser="").text


def test_a_long_title_is_cut():
    subject = filled(Template.DUB_READY, "en", title="x" * 5000).subject
    assert len(subject) < 400
    assert subject.endswith("…")


def test_what_failed_beside_is_said_only_when_something_did():
    assert "French" in filled(Template.DUB_READY, "en").text
    assert "did not work" not in filled(Template.DUB_READY, "en", failed=[]).text


@pytest.mark.parametrize(
    ("tag", "locale"), [("ko", "ko"), ("ko-KR", "ko"), ("KO_kr", "ko"), ("en-GB", "en"), ("fr", "en"), ("", "en")]
)
def test_who_speaks_neither_gets_english(tag, locale):
    assert locale_of(tag) == locale


def test_every_file_is_a_mail():
    files = {path.relative_to(TEXTS).as_posix() for path in TEXTS.rglob("*.jinja")}
    assert files == {f"{locale}/{template}.jinja" for template, locale in ALL}
