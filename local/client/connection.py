"""Calls over HTTP: signed in, tried again when the connection is lost or the service is busy, refusals as errors."""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from local.client.bodies import Login
from local.client.calls import LOGIN, Call
from local.client.errors import ClientError

T = TypeVar("T", bound=BaseModel)

# After a lost connection (seconds); and how long a busy service is asked again in all.
PAUSES = (0.3, 1.0, 3.0)
LONGEST_BUSY_SECONDS = 120.0
BUSY_PAUSE_SECONDS = 5.0


class Connection:
    """To one service, as one user. Every method raises ClientError."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        self.url = url
        # The network's usual proxies are not for a service on this machine, and jobs outlast any one request.
        self._http = httpx.Client(base_url=url, timeout=httpx.Timeout(60, connect=5), trust_env=False)
        if api_key is not None:
            self._http.headers["Authorization"] = f"Bearer {api_key}"
        self._credentials: Login | None = None

    def close(self) -> None:
        """Let go of the sockets."""
        self._http.close()

    def login(self, email: str, password: str) -> None:
        """Sign in, and again whenever the access token runs out."""
        self._credentials = Login(email=email, password=password)
        token = self.call(LOGIN, self._credentials)
        self._http.headers["Authorization"] = f"Bearer {token.access_token}"

    def call(self, call: Call[T], body: BaseModel | None = None, *, query: Mapping[str, Any] | None = None,
             **path: str) -> T:  # fmt: skip
        """Do it and give its answer."""
        answer = self.answer(call, path, body, query=query)
        try:
            return call.answer.model_validate_json(answer.content or b"{}")
        except ValidationError:
            raise ClientError(
                f"The service answered {answer.status_code} and nothing readable.", "unreadable", answer.status_code
            ) from None

    def answer(
        self,
        call: Call[Any],
        path: Mapping[str, str],
        body: BaseModel | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Do it and give the answer as it came: a success, or 304."""
        request = {
            "method": call.method,
            "url": call.path.format(**path),
            "params": {name: value for name, value in (query or {}).items() if value is not None},
            "json": body.model_dump(exclude_none=True) if body is not None else None,
            # One key for all tries, so that the service does it once.
            "headers": {**(headers or {}), **({"Idempotency-Key": str(uuid.uuid4())} if call.creates else {})},
        }
        answer = self._patient(request, repeatable=call.repeatable)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._credentials and call is not LOGIN:
            self.login(self._credentials.email, self._credentials.password)
            answer = self._patient(request, repeatable=call.repeatable)
        if not answer.is_success and answer.status_code != httpx.codes.NOT_MODIFIED:
            raise refusal(answer)
        return answer

    def _patient(self, request: dict[str, Any], *, repeatable: bool) -> httpx.Response:
        """The answer, waiting as long as the service asks for while it is busy (503)."""
        until = time.monotonic() + LONGEST_BUSY_SECONDS
        while True:
            answer = self._sent(request, repeatable=repeatable)
            pause = retry_after(answer) or BUSY_PAUSE_SECONDS
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() + pause > until:
                return answer
            time.sleep(pause)

    def _sent(self, request: dict[str, Any], *, repeatable: bool) -> httpx.Response:
        for pause in PAUSES if repeatable else ():
            try:
                return self._http.request(**request)
            except httpx.TransportError:
                time.sleep(pause)
        with reachable(self.url):
            return self._http.request(**request)


def refusal(answer: httpx.Response) -> ClientError:
    """The service's own words for what it refused."""
    try:
        document: dict[str, Any] = answer.json()
    except ValueError:
        return ClientError(
            f"The service answered {answer.status_code} and nothing readable.", "unreadable", answer.status_code
        )
    code = str(document.get("code", answer.status_code))
    sentence = document.get("detail") or document.get("title") or f"The service answered {answer.status_code}."
    fields = "".join(f" {error['field']}: {error['message']}" for error in document.get("errors", ()))
    return ClientError(
        f"{sentence}{fields} ({code})", code, answer.status_code, retry_after=retry_after(answer), problem=document
    )


def retry_after(answer: httpx.Response) -> float | None:
    """The seconds that the service asks to wait, if it does."""
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


@contextmanager
def reachable(url: str) -> Iterator[None]:
    """Say what can't be reached. Raises ClientError `unreachable`."""
    try:
        yield
    except httpx.TransportError as error:
        where = httpx.URL(url).copy_with(query=None)
        raise ClientError(
            f"{where} can't be reached ({type(error).__name__}); is `make up` running?", "unreachable"
        ) from error
