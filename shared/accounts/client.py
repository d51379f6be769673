"""From where someone asks, as coarse as an owner needs it to tell their own from another's."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Self

UNKNOWN = "unknown"
# How much of an address is kept (bits): the network, not the house.
KEPT_BITS = {4: 24, 6: 48}
LONGEST_PROGRAM = 40

# The first that is found counts: browsers carry the names of those they descend from.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
NAMES = frozenset(name for _, name in BROWSERS)
PROGRAM = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Client:
    """A coarse user agent (browser and system, or a program's name) and a coarse address (the network)."""

    user_agent: str
    ip: str

    @classmethod
    def of(cls, user_agent: str, address: str) -> Self:
        """What is kept of a User-Agent header and of the address that a request came from."""
        return cls(_agent(user_agent), _network(address))

    @property
    def browser(self) -> str:
        """The user agent if it is a browser, else nothing: a program may call itself what it likes."""
        return self.user_agent if self.user_agent.partition(" on ")[0] in NAMES else ""


def _agent(header: str) -> str:
    browser = _first(BROWSERS, header)
    if browser:
        system = _first(SYSTEMS, header)
        return f"{browser} on {system}" if system else browser
    program = PROGRAM.match(header)
    return program[0][:LONGEST_PROGRAM] if program else UNKNOWN


def _first(names: tuple[tuple[str, str], ...], header: str) -> str | None:
    return next((name for mark, name in names if mark in header), None)


def _network(address: str) -> str:
    try:
        given = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return UNKNOWN
    plain = getattr(given, "ipv4_mapped", None) or given
    return str(ipaddress.ip_network(f"{plain}/{KEPT_BITS[plain.version]}", strict=False))
