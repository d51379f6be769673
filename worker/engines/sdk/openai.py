"""OpenAI's SDK, which serves any server that speaks its language."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from json import JSONDecodeError

import httpx2
from openai import APIConnectionError, APIResponseValidationError, APIStatusError, OpenAI, OpenAIError

from shared.config import Settings
from shared.errors import PermanentError
from worker.engines import errors
from worker.engines.sdk import retry_after

PROVIDER = "openai"
REFUSALS = frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})


@lru_cache(maxsize=4)
def client(settings: Settings) -> OpenAI:
    """One for these settings, for any thread; it never tries again by itself."""
    key = settings.openai_api_key
    return OpenAI(
        api_key=key.get_secret_value() if key else "none",  # a server of one's own may want none
        base_url=settings.openai_base_url or "https://api.openai.com/v1",
        max_retries=0,
        timeout=settings.provider_timeout_seconds,
    )


@contextmanager
def told() -> Iterator[None]:
    """What the SDK raises within, in our words."""
    try:
        yield
    except APIStatusError as error:
        raise _of_status(error) from error
    except APIResponseValidationError as error:
        raise errors.malformed(PROVIDER, "its form is another one") from error
    except (APIConnectionError, httpx2.HTTPError) as error:
        raise errors.from_status(PROVIDER, None, str(error)) from error
    except JSONDecodeError as error:
        raise errors.malformed(PROVIDER, "it is no JSON") from error
    except OpenAIError as error:
        raise errors.malformed(PROVIDER, str(error)) from error


@contextmanager
def readable() -> Iterator[None]:
    """The SDK takes answers as they come; one of another form shows where it is read within."""
    try:
        yield
    except (AttributeError, TypeError, ValueError) as error:
        raise errors.malformed(PROVIDER, "its form is another one") from error


def _of_status(error: APIStatusError) -> Exception:
    if error.code in REFUSALS:
        return errors.content_refused(PROVIDER, error.message)
    wait = retry_after.seconds(error.response.headers)
    return errors.from_status(
        PROVIDER, error.status_code, error.message, retry_after=wait, vendor_code=error.code or error.type
    )


def is_refusal(error: PermanentError) -> bool:
    """Whether the provider would not do it for what it says."""
    return error.code == "content_refused"
