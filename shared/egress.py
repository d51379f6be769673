"""The only way out to an address that a user names: public http(s) servers, and no detour to anything else.

A name is asked for once; when any of its addresses is not public, nothing is connected; else the connection goes to
exactly the addresses that were checked, while TLS and the Host header keep the name. No proxies, cookies or .netrc.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address

import httpcore
import httpx

from shared.config import Settings
from shared.errors import AppError, PermanentError, TransientError
from shared.pinned import Deadline, Pinned, within
from shared.public_addresses import NotAllowedError, Target, is_public, parse

REDIRECTS = frozenset({301, 302, 303, 307, 308})

Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True)
class Answer:
    """What came back: `chunks` are the body's bytes as they come, not decoded."""

    status: int
    headers: httpx.Headers
    url: str
    chunks: Iterator[bytes]


@dataclass(frozen=True)
class Limits:
    """How long an exchange may last in all, from the first connection to the last byte, and how long it may stall.

    Until the answer's head is there, all of it may take no longer than one stall.
    """

    total_seconds: float
    stall_seconds: float


def checked(settings: Settings, url: str) -> str:
    """`url` in its plain form, if a request may name it; its name is not asked for. Raises AppError (422)."""
    try:
        return parse(url, settings.egress_exempt).to_text()
    except PermanentError as error:
        raise AppError(error.code, error.message, 422) from None


class Egress:
    """Requests to public servers; safe for threads."""

    def __init__(
        self,
        exempt: Iterable[str] = (),
        *,
        resolve: Resolve | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._exempt = frozenset(exempt)
        self._resolve = resolve or system_resolve
        self._ssl_context = ssl_context or httpx.create_ssl_context(trust_env=False)

    @contextmanager
    def request(
        self,
        method: str,
        url: str,
        *,
        limits: Limits,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        redirects: int = 0,
    ) -> Iterator[Answer]:
        """Send a request; a redirect is followed up to `redirects` times, each checked like the first address.

        Raises NotAllowedError (`url_not_allowed`), TransientError (`url_unreachable`), also while the body is read.
        The system's resolver keeps its own time.
        """
        deadline = time.monotonic() + limits.total_seconds
        target, left = parse(url, self._exempt), redirects
        while True:
            with self._exchange(method, target, limits.stall_seconds, deadline, headers or {}, content) as answer:
                forward = answer.headers.get("Location") if answer.status in REDIRECTS and redirects else None
                if forward is None:
                    yield answer
                    return
            if not left:
                raise NotAllowedError(f"it leads on to another one more than {redirects} times")
            target, left = self._next(target, forward), left - 1

    def _next(self, target: Target, location: str) -> Target:
        try:
            found = parse(target.url.join(location), self._exempt)
        except (httpx.InvalidURL, ValueError):
            raise NotAllowedError("it leads on to something that is no URL") from None
        if target.scheme == "https" and found.scheme == "http":
            raise NotAllowedError("it leads on from https to http")
        return found

    @contextmanager
    def _exchange(
        self,
        method: str,
        target: Target,
        stall_seconds: float,
        deadline: float,
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> Iterator[Answer]:
        waits = dict.fromkeys(("connect", "read", "write", "pool"), stall_seconds)
        sent = {"Host": target.authority, "Accept-Encoding": "identity", **headers}
        address = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        due = Deadline(min(deadline, time.monotonic() + stall_seconds))
        with (
            httpcore.ConnectionPool(
                ssl_context=self._ssl_context,
                network_backend=Pinned(self._addresses(target), due),
                max_keepalive_connections=0,
            ) as pool,
            _told(),
            pool.stream(
                method, address, headers=list(sent.items()), content=content, extensions={"timeout": waits}
            ) as response,
        ):
            due.at = deadline
            yield Answer(
                response.status, httpx.Headers(response.headers), target.to_text(), _chunks(response, deadline)
            )

    def _addresses(self, target: Target) -> list[str]:
        """The addresses to connect to, in the resolver's order; all of them are checked."""
        found = self._resolve(target.host, target.port)
        if f"{target.host}:{target.port}" not in self._exempt and not all(is_public(ip_address(one)) for one in found):
            raise NotAllowedError("it does not lead to the public internet")
        return found


def system_resolve(host: str, port: int) -> list[str]:
    """All addresses of `host`. Raises TransientError when it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _unreachable("its name is not known") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _chunks(response: httpcore.Response, deadline: float) -> Iterator[bytes]:
    with _told():
        for chunk in response.iter_stream():
            within(deadline)
            yield chunk


@contextmanager
def _told() -> Iterator[None]:
    """The connection's trouble in our words; the cause is for the log."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise _unreachable("its server is too slow") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise _unreachable("the connection to its server broke or was refused") from error


def _unreachable(reason: str) -> TransientError:
    return TransientError("url_unreachable", f"This address can't be reached: {reason}.")
