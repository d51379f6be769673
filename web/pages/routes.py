"""The pages as HTML, with their one script and one style sheet.

Opening a page changes nothing, for mail scanners follow links: its reader presses the button, which posts to the API.
"""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, json, render_template, request, send_from_directory

from web.auth import public
from web.pages import english, korean
from web.pages.words import ENGLISH, FIELDS, KOREAN, LOCALES, WORDS, Page

FILES = Path(__file__).parent / "files"
PAGES = {
    locale: {page.name: page for page in pages} for locale, pages in ((ENGLISH, english.PAGES), (KOREAN, korean.PAGES))
}
# Nothing inline, nothing from elsewhere, nowhere else to post to, and no frame around it.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
# The address may have a token in it: nobody keeps it, nobody is told of it.
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
}

mail_pages = Blueprint("mail_pages", __name__, template_folder="files")


@mail_pages.get("/app/verify-email")
@public
def verify_email_page() -> Response:
    """Confirm the address of a new account."""
    return _with_token("verify-email")


@mail_pages.get("/app/reset-password")
@public
def reset_password_page() -> Response:
    """Set a new password."""
    return _with_token("reset-password")


@mail_pages.get("/app/verify-new-email")
@public
def verify_new_email_page() -> Response:
    """Confirm an account's new address."""
    return _with_token("verify-new-email")


@mail_pages.get("/app/resend-verification")
@public
def resend_verification_page() -> Response:
    """Ask for another link to confirm an address."""
    return _shown("resend-verification")


@mail_pages.get("/app/forgot-password")
@public
def forgot_password_page() -> Response:
    """Ask for a link to set a new password."""
    return _shown("forgot-password")


@mail_pages.get("/app/unsubscribe/<token>")
@public
def unsubscribe_page(token: str) -> Response:
    """Get no more mails of a kind."""
    return _shown("unsubscribe", post=f"/unsubscribe/{quote(token, safe='')}")


@mail_pages.get("/app/files/<any('page.js', 'page.css'):name>")
@public
def page_file(name: str) -> Response:
    """The pages' script and style sheet."""
    return send_from_directory(FILES, name, max_age=3600)


def _with_token(name: str) -> Response:
    """The token stands behind the address's `#`, which only the page's script sees."""
    return _shown(name, takes_token=True)


def _shown(name: str, **values: Any) -> Response:
    locale = _locale()
    page: Page = PAGES[locale][name]
    fields = [(field, FIELDS[field]) for field in page.fields]
    words = WORDS[locale]
    shown = {"takes_token": False, "post": page.post, **values}
    problems = json.dumps(words.problems, ensure_ascii=False)
    html = render_template(
        "page.html", page=page, words=words, fields=fields, locale=locale, problems=problems, **shown
    )
    return Response(html, headers=HEADERS, mimetype="text/html")


def _locale() -> str:
    wanted = request.args.get("lang", "")
    return wanted if wanted in LOCALES else request.accept_languages.best_match(LOCALES, ENGLISH)
