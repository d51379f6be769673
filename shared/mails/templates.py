"""What mails there are, and how one becomes a subject, a text and an HTML page.

`texts/<locale>/<template>.jinja` holds a mail's words as blocks: `subject`, `before`, `button` and `after`; a blank
line parts two paragraphs. `texts/layout.*` lay the same words out as text and as HTML.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shared.mail import Mail

TEXTS = Path(__file__).parent / "texts"
LOCALES = ("en", "ko")
# What somebody else may have written (a title) is one line and not longer than this (characters).
LONGEST_VALUE = 300
TIME_NAMES = ("expires", "asked")
TIMES = {"en": "%-d %B %Y, %H:%M UTC", "ko": "%Y년 %-m월 %-d일 %H:%M(UTC)"}


class Topic(StrEnum):
    """What a user may turn off; the names are those of NotificationPreferences."""

    JOB_FINISHED = "job_finished"
    BILLING = "billing"
    PRODUCT_NEWS = "product_news"


class Template(StrEnum):
    """The mails there are; `parameters` names what each is filled with."""

    VERIFY = "verify"
    ALREADY_REGISTERED = "already_registered"
    SIGN_UP_AGAIN = "sign_up_again"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a template's name
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_SET_ANEW = "password_set_anew"  # noqa: S105
    CONFIRM_NEW_EMAIL = "confirm_new_email"
    EMAIL_CHANGE_ASKED = "email_change_asked"
    EMAIL_CHANGED = "email_changed"
    DUB_READY = "dub_ready"
    DUB_FAILED = "dub_failed"

    @property
    def parameters(self) -> frozenset[str]:
        """What it must be filled with, no more and no less."""
        return PARAMETERS[self]

    @property
    def topic(self) -> Topic | None:
        """Under which topic a user can turn it off; None: it is necessary."""
        return Topic.JOB_FINISHED if self in (Template.DUB_READY, Template.DUB_FAILED) else None


# `link` is an address, `expires` and `asked` are times (ISO 8601, aware), `languages` and `failed` are lists of names;
# `browser` is empty where none was used.
PARAMETERS: dict[Template, frozenset[str]] = {
    Template.VERIFY: frozenset({"link", "expires", "asked", "browser", "network"}),
    Template.ALREADY_REGISTERED: frozenset({"link"}),
    Template.SIGN_UP_AGAIN: frozenset(),
    Template.RESET_PASSWORD: frozenset({"link", "expires"}),
    Template.PASSWORD_CHANGED: frozenset(),
    Template.PASSWORD_SET_ANEW: frozenset(),
    Template.CONFIRM_NEW_EMAIL: frozenset({"link", "expires", "new_email"}),
    Template.EMAIL_CHANGE_ASKED: frozenset({"new_email"}),
    Template.EMAIL_CHANGED: frozenset({"new_email"}),
    Template.DUB_READY: frozenset({"link", "title", "languages", "failed"}),
    Template.DUB_FAILED: frozenset({"link", "title", "reason"}),
}


def locale_of(tag: str) -> str:
    """The language of ours that `tag` asks for, English where there is none."""
    language = tag.lower().replace("_", "-").split("-")[0]
    return language if language in LOCALES else LOCALES[0]


def render(
    template: Template, to: str, locale: str, parameters: Mapping[str, Any], *, unsubscribe_page: str | None = None
) -> Mail:
    """The mail to `to`; with `unsubscribe_page` it ends with the way out of more of its kind."""
    locale = locale_of(locale)
    page = unsubscribe_page and _in_language(unsubscribe_page, locale)
    values = {**_flat(parameters, locale), "unsubscribe_page": page, "locale": locale}
    name = f"{locale}/{template}.jinja"
    subject = _TEXT.get_template(name).render(layout="layout.subject", **values)
    text = _TEXT.get_template(name).render(layout="layout.txt", **values)
    html = _HTML.get_template(name).render(layout="layout.html", subject=subject, **values)
    return Mail(to, " ".join(subject.split()), text.strip() + "\n", html)


def _flat(parameters: Mapping[str, Any], locale: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in parameters.items():
        if name in TIME_NAMES:
            values[name] = datetime.fromisoformat(value).astimezone(UTC).strftime(TIMES[locale])
        elif isinstance(value, list):
            values[name] = ", ".join(_one_line(str(item)) for item in value)
        else:
            values[name] = _in_language(str(value), locale) if name == "link" else _one_line(str(value))
    return values


def _in_language(link: str, locale: str) -> str:
    """The page's address that asks for the mail's language; English is what pages are in without being asked."""
    if locale == LOCALES[0]:
        return link
    page = urlsplit(link)
    return page._replace(query=f"{page.query}&lang={locale}".lstrip("&")).geturl()


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_VALUE else line[: LONGEST_VALUE - 1] + "…"


def _paragraphs(text: str) -> list[str]:
    """The paragraphs of a block's text; safe where the block was."""
    parts = [" ".join(part.split()) for part in str(text).split("\n\n") if part.strip()]
    return [Markup(part) for part in parts] if isinstance(text, Markup) else parts  # noqa: S704 - parts of safe text


def _environment(*, autoescape: bool) -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEXTS),
        autoescape=autoescape,  # noqa: S701 - off for plain text only
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["paragraphs"] = _paragraphs
    return made


_TEXT, _HTML = _environment(autoescape=False), _environment(autoescape=True)
