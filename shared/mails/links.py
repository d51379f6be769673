"""Where the links in mails lead: to pages that do something only when their reader says so, for scanners follow links.

A token stands behind the `#`, which browsers keep to themselves: no server's log has it.

The one exception is `unsubscribe_post`, which mail programs post to by themselves (RFC 8058).
"""

from urllib.parse import quote
from uuid import UUID

from shared.config import Settings


def verify_email(settings: Settings, token: str) -> str:
    """The page that confirms a new account's address."""
    return _page(settings, f"verify-email#token={quote(token, safe='')}")


def reset_password(settings: Settings, token: str) -> str:
    """The page to set a new password."""
    return _page(settings, f"reset-password#token={quote(token, safe='')}")


def forgot_password(settings: Settings) -> str:
    """The page to ask for a link to set a new password."""
    return _page(settings, "forgot-password")


def verify_new_email(settings: Settings, token: str) -> str:
    """The page that confirms an account's new address."""
    return _page(settings, f"verify-new-email#token={quote(token, safe='')}")


def unsubscribe(settings: Settings, token: str) -> str:
    """The page that turns off a topic."""
    return _page(settings, f"unsubscribe/{quote(token, safe='')}")


def unsubscribe_post(settings: Settings, token: str) -> str:
    """The address whose POST turns off a topic; a GET leads to the page."""
    return f"{_origin(settings)}/unsubscribe/{quote(token, safe='')}"


def job(settings: Settings, job_id: UUID) -> str:
    """The page of a job."""
    return _page(settings, f"jobs/{job_id}")


def _page(settings: Settings, path: str) -> str:
    return f"{_origin(settings)}/app/{path}"


def _origin(settings: Settings) -> str:
    return settings.public_url.rstrip("/")
