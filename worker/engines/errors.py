"""What providers do wrong, in the words of shared.errors: the one table of statuses and codes."""

import re

from shared.errors import PermanentError, TransientError

OUT_OF_QUOTA_CODES = frozenset({"insufficient_quota", "quota_exceeded", "billing_hard_limit_reached"})
# What may be the key, or part of it: servers say it again when they refuse it, and users read the error.
_KEY = re.compile(r"(?=[\w*.-]*[\d*])[\w*.-]{12,}")
TRANSIENT_STATUSES = frozenset({408, 409, 425, 429})


class OutOfQuotaError(TransientError):
    """The account at this provider is used up. Not tried again there; the next engine takes over at once."""


class LeftAloneError(TransientError):
    """The provider kept failing and is not asked for a while; `retry_after` says how long."""


class NoSoundError(TransientError):
    """The answer to a line is no sound, or silence. Asking again may help, but each answer is paid for."""


def out_of_quota(provider: str, message: str = "") -> OutOfQuotaError:
    """The error for a provider whose account is used up."""
    return OutOfQuotaError("provider_out_of_quota", _sentence(f"The quota at {provider} is used up", message))


def content_refused(provider: str, sentence: str) -> PermanentError:
    """The provider will not do this line, for what it says."""
    return PermanentError("content_refused", _sentence(f"{provider} refuses this content", sentence))


def from_status(
    provider: str,
    status: int | None,
    message: str,
    *,
    retry_after: float | None = None,
    vendor_code: str | None = None,
) -> TransientError | PermanentError:
    """What an HTTP answer of a provider means; `status` None: the connection failed or was lost.

    `message` is the provider's own, `retry_after` its wish in seconds, `vendor_code` its own word for the error.
    """
    if status == 402 or vendor_code in OUT_OF_QUOTA_CODES:
        return out_of_quota(provider, message)
    if status is None:
        return TransientError("provider_unavailable", _sentence(f"{provider} can't be reached", message), retry_after)
    if status == 429:
        return TransientError("provider_busy", _sentence(f"{provider} takes no more just now", message), retry_after)
    if status >= 500 or status in TRANSIENT_STATUSES:
        said = _sentence(f"{provider} answered with {status}", message)
        return TransientError("provider_unavailable", said, retry_after)
    if status in {401, 403}:
        said = _sentence(f"{provider} refuses this service's key", _KEY.sub("…", message))
        return PermanentError("provider_refused_key", said)
    return PermanentError("provider_refused", _sentence(f"{provider} refused the request ({status})", message))


def malformed(provider: str, what: str) -> TransientError:
    """The provider's answer is not what it should be: `what`, as part of a sentence. Asking again may help."""
    return TransientError("provider_answer_malformed", f"{provider} gave an answer that can't be used: {what}.")


def no_sound(provider: str) -> NoSoundError:
    """The provider spoke a line as nothing."""
    return NoSoundError("provider_answer_malformed", f"{provider} gave an answer that can't be used: it has no sound.")


def _sentence(beginning: str, said: str) -> str:
    said = " ".join(said.split())[:300].rstrip(".")
    return f"{beginning}: {said}." if said else f"{beginning}."
