"""Connections to addresses that were chosen before, ended by one deadline; see shared.egress."""

import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass

import httpcore

CONNECT_SECONDS = 10.0


@dataclass
class Deadline:
    """When an exchange has to be over (monotonic); it may be put off while it goes on."""

    at: float


class Pinned(httpcore.NetworkBackend):
    """Connects to the checked addresses and to nothing else, whatever name it is asked for."""

    def __init__(self, addresses: list[str], deadline: Deadline) -> None:
        self._addresses = addresses
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the interface's
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address that answers."""
        trouble: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            wait = within(self._deadline.at, min(CONNECT_SECONDS, timeout or CONNECT_SECONDS))
            try:
                stream = self._sockets.connect_tcp(address, port, wait, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = error
            else:
                return _Timed(stream, self._deadline)
        raise trouble


class _Timed(httpcore.NetworkStream):
    """A connection that ends at the deadline, however little is sent at a time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As the connection's."""
        return self._stream.read(max_bytes, within(self._deadline.at, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """As the connection's."""
        self._stream.write(buffer, within(self._deadline.at, timeout))

    def close(self) -> None:
        """As the connection's."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """As the connection's."""
        wait = within(self._deadline.at, timeout)
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, wait), self._deadline)

    def get_extra_info(self, info: str) -> object:
        """As the connection's."""
        return self._stream.get_extra_info(info)


def within(deadline: float, timeout: float | None = None) -> float:
    """`timeout` seconds, or fewer if the deadline (monotonic) is nearer. Raises httpcore.ReadTimeout behind it."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the exchange took too long")
    return left if timeout is None else min(left, timeout)
