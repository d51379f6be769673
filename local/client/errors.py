"""What goes wrong between the client and the service."""

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """The service refused or could not be reached; the message is one sentence for a person.

    `code` is the service's stable code, `unreachable` or `unreadable`; `status` the HTTP status, or None; `retry_after`
    (seconds) what the service asked for; `problem` its whole problem document.
    """

    def __init__(
        self,
        message: str,
        code: str = "client_error",
        status: int | None = None,
        *,
        retry_after: float | None = None,
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retry_after = retry_after
        self.problem = dict(problem or {})
