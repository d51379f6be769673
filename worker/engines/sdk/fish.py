"""Fish Audio's SDK."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import httpx
from fishaudio import FishAudio
from pydantic import ValidationError

from shared.config import Settings
from worker.engines import errors
from worker.engines.sdk import retry_after

PROVIDER = "fish"


class StatusError(Exception):
    """An answer other than 2xx; the SDK's own errors leave its headers out."""

    def __init__(self, status: int, message: str, wait: float | None) -> None:
        super().__init__(message)
        self.http_status = status
        self.message = message
        self.wait = wait


@lru_cache(maxsize=4)
def client(settings: Settings) -> FishAudio:
    """One for these settings, for any thread."""
    key = settings.fish_api_key
    base = settings.fish_base_url or "https://api.fish.audio"
    connection = httpx.Client(
        base_url=base, timeout=settings.provider_timeout_seconds, event_hooks={"response": [_checked]}
    )
    return FishAudio(api_key=key.get_secret_value() if key else "none", base_url=base, httpx_client=connection)


@contextmanager
def told() -> Iterator[None]:
    """What the SDK raises within, in our words."""
    try:
        yield
    except StatusError as error:
        raise errors.from_status(PROVIDER, error.http_status, error.message, retry_after=error.wait) from error
    except httpx.TransportError as error:
        raise errors.from_status(PROVIDER, None, str(error)) from error
    except (ValidationError, ValueError) as error:
        raise errors.malformed(PROVIDER, "its form is another one") from error


def _checked(response: httpx.Response) -> None:
    if response.is_success:
        return
    response.read()
    raise StatusError(response.status_code, _message(response), retry_after.seconds(response.headers))


def _message(response: httpx.Response) -> str:
    try:
        body: Any = response.json()
    except ValueError:
        return response.text
    return str(body.get("message") or body.get("detail") or body) if isinstance(body, dict) else str(body)
