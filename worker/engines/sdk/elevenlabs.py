"""ElevenLabs' SDK."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import httpx
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.core.parse_error import ParsingError
from elevenlabs.core.request_options import RequestOptions
from pydantic import ValidationError

from shared.config import Settings
from worker.engines import errors
from worker.engines.sdk import retry_after

PROVIDER = "elevenlabs"
ONCE = RequestOptions(max_retries=0)
REFUSALS = frozenset({"content_against_policy", "content_moderation", "blocked_by_moderation", "tos_violation"})
VOICE_GONE = frozenset({"voice_not_found", "voice_does_not_exist", "invalid_voice_id"})


@lru_cache(maxsize=4)
def client(settings: Settings) -> ElevenLabs:
    """One for these settings, for any thread. Pass ONCE with each request that isn't a stream: it would try again."""
    key = settings.elevenlabs_api_key
    return ElevenLabs(
        api_key=key.get_secret_value() if key else "none",
        base_url=settings.elevenlabs_base_url or "https://api.elevenlabs.io",
        timeout=settings.provider_timeout_seconds,
        follow_redirects=False,
    )


@contextmanager
def told() -> Iterator[None]:
    """What the SDK raises within, in our words."""
    try:
        yield
    except ApiError as error:
        raise _of_status(error) from error
    except httpx.TransportError as error:
        raise errors.from_status(PROVIDER, None, str(error)) from error
    except (ParsingError, ValidationError, AttributeError, TypeError, ValueError) as error:
        # The SDK takes answers as they come; one of another form shows where it is used.
        raise errors.malformed(PROVIDER, "its form is another one") from error


def vendor_code(error: ApiError) -> str:
    """The provider's own word for the error, from either form of its answers."""
    detail = _detail(error.body)
    return str(detail.get("code") or detail.get("status") or "")


def _of_status(error: ApiError) -> Exception:
    code, message = vendor_code(error), str(_detail(error.body).get("message") or error.body or "")
    if code in REFUSALS:
        return errors.content_refused(PROVIDER, message)
    if error.status_code is not None and error.status_code < 300:
        return errors.malformed(PROVIDER, "it is no JSON")
    wait = retry_after.seconds(error.headers)
    return errors.from_status(PROVIDER, error.status_code, message, retry_after=wait, vendor_code=code)


def _detail(body: Any) -> dict[str, Any]:
    """`{"detail": {"status" or "code", "message"}}`, as far as it is so."""
    detail = body.get("detail") if isinstance(body, dict) else None
    return detail if isinstance(detail, dict) else {"message": detail or body}
