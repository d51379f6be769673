"""Which addresses a user may name: public http(s) ones. Nothing here touches the network."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

from shared.errors import PermanentError

PORTS = {"http": 80, "https": 443}
LOWEST_OTHER_PORT = 1024
LONGEST_HOST = 253
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
# What the C library reads as a number: 127.1, 0x7f.0.0.1, 2130706433.
_NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)")
GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291, 2.4
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
# Global to some Pythons, and still no place for a server: protocol assignments (RFC 6890), the retired 6to4 relays
# (RFC 7526), documentation (RFC 9637).
NO_SERVERS = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), IPv6Network("3fff::/20"))


class NotAllowedError(PermanentError):
    """`url_not_allowed`: this address may not be reached, now or later."""

    def __init__(self, reason: str) -> None:
        super().__init__("url_not_allowed", f"This address can't be used: {reason}.")
        self.args = (reason,)


@dataclass(frozen=True)
class Target:
    """A checked URL: its host in ASCII without brackets or a trailing dot, its port, its path with the query."""

    scheme: str
    host: str
    port: int
    path: bytes
    url: httpx.URL

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def to_text(self) -> str:
        """The URL with all that was checked, and nothing else."""
        return f"{self.scheme}://{self.authority}{self.path.decode('ascii')}"


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether a server on the internet may be there: a global unicast address, also once it is unwrapped.

    IPv4 inside of IPv6 counts as the IPv4: mapped (RFC 4291, 2.5.5.2), NAT64 (RFC 6052) and 6to4 (RFC 3056).
    """
    inner = _wrapped(address) if isinstance(address, IPv6Address) else None
    if inner is not None:
        return is_public(inner)
    if not address.is_global or any(address in network for network in NO_SERVERS):
        return False
    if isinstance(address, IPv4Address):
        return not address.is_multicast and not address.is_reserved
    return address in GLOBAL_UNICAST


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def parse(url: str | httpx.URL, exempt: Iterable[str] = ()) -> Target:
    """Check everything about `url` that can be checked without asking for its name. Raises NotAllowedError.

    `exempt` are `host:port` pairs that may be private.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise NotAllowedError("it is no URL") from None
    if parsed.scheme not in PORTS:
        raise NotAllowedError("it does not begin with http:// or https://")
    if parsed.userinfo:
        raise NotAllowedError("it contains a user name or password")
    host = parsed.raw_host.decode("ascii").lower().removesuffix(".")
    port = PORTS[parsed.scheme] if parsed.port is None else parsed.port
    target = Target(parsed.scheme, host, port, parsed.raw_path, parsed)
    if f"{host}:{target.port}" not in exempt:
        _check_port(target.port)
        _check_host(host)
    return target


def _check_port(port: int) -> None:
    if port not in PORTS.values() and not LOWEST_OTHER_PORT <= port <= 65_535:
        raise NotAllowedError("its port is neither 80 nor 443 nor above 1023")


def _check_host(host: str) -> None:
    literal = _literal(host)
    if literal is not None:
        if not is_public(literal):
            raise NotAllowedError("it does not lead to the public internet")
        return
    if len(host) > LONGEST_HOST or not _NAME.fullmatch(host):
        raise NotAllowedError("its host is no name")
    last = host.rpartition(".")[2]
    if _NUMBER.fullmatch(last):
        raise NotAllowedError("its host is a number that is not written as an IP address")
    if last == "localhost":  # RFC 6761, 6.3
        raise NotAllowedError("it does not lead to the public internet")


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    if "%" in host:  # a scope: no address of this kind is public
        raise NotAllowedError("its host is no name")
    try:
        return ip_address(host)
    except ValueError:
        return None
