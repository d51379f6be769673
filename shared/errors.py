"""Every failure a person can meet: a stable code, a sentence that says what to do, an HTTP status."""

from collections.abc import Mapping
from typing import Any


class AppError(Exception):
    """A failure with a stable `code` and a sentence for the person who meets it.

    `status` is the HTTP status the web tier answers with; `details` are extra members of the problem document
    (for example `errors`, a list of field errors, or `supported`, what is served instead);
    `retry_after` (seconds) becomes the Retry-After header.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        details: Mapping[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.details = dict(details or {})
        self.retry_after = retry_after


def not_found(thing: str) -> AppError:
    """The one answer for a thing that does not exist and for a thing of another user."""
    return AppError("not_found", f"There is no such {thing}.", 404)


class PipelineError(Exception):
    """A failure while a job runs. `code` is stable, `message` is a sentence a user can act on.

    It survives the way between processes: its arguments are what it is made of.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


class TransientError(PipelineError):
    """May pass by itself (time-outs, 408/409/429/5xx, connection loss, a full disk); worth another try.

    `retry_after` is the provider's own wish in seconds, if it said one.
    """

    def __init__(self, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(code, message)
        self.args = (code, message, retry_after)
        self.retry_after = retry_after


class PermanentError(PipelineError):
    """Will fail again however often it is tried: the job (or the one language) ends FAILED with this code."""


class LeaseLostError(Exception):
    """The job is no longer this worker's: another claimed it, or it is over. Stop at once and write nothing."""
