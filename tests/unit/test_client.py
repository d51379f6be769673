"""From where someone asks, made coarse."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.accounts.client import Client

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (CHROME, "Chrome on Windows"),
        (f"{CHROME} Edg/126.0.0.0", "Edge on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1",
            "Safari on iOS",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox on macOS"),
        ("Mozilla/5.0 (Linux; Android 14; SM-S921B) Chrome/126.0 Mobile Safari/537.36", "Chrome on Android"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("", "unknown"),
        ("<script>", "unknown"),
        ("x" * 1000, "x" * 40),
    ],
)
def test_of_a_user_agent_the_browser_and_the_system_are_kept(header: str, kept: str) -> None:
    assert Client.of(header, "").user_agent == kept


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:aaaa:bbbb:cccc::1", "2001:db8:aaaa::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_of_an_address_the_network_is_kept(address: str, kept: str) -> None:
    assert Client.of("", address).ip == kept


@given(st.ip_addresses())
def test_an_address_is_in_its_network_and_not_told_by_it(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    network = ipaddress.ip_network(Client.of("", str(address)).ip)
    assert network.num_addresses >= 256
    assert (getattr(address, "ipv4_mapped", None) or address) in network


@given(st.text())
def test_any_user_agent_becomes_something_short_and_plain(header: str) -> None:
    kept = Client.of(header, "").user_agent
    assert 0 < len(kept) <= 40
    assert kept.isascii()
