"""Which addresses may be named: the rule is pure, so it is tried on everything."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.public_addresses import NotAllowedError, is_public, parse

PRIVATE_V4 = [
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
v4 = st.integers(0, 2**32 - 1).map(IPv4Address)
private_v4 = st.sampled_from(PRIVATE_V4).flatmap(
    lambda net: st.integers(int(net.network_address), int(net.broadcast_address)).map(IPv4Address)
)


@given(private_v4)
def test_no_private_ipv4_is_public_however_it_is_wrapped(address: IPv4Address) -> None:
    number = int(address)
    assert not is_public(address)
    assert not is_public(IPv6Address((0xFFFF << 32) | number))  # ::ffff:a.b.c.d
    assert not is_public(IPv6Address(number))  # ::a.b.c.d
    assert not is_public(IPv6Address((0x64FF9B << 96) | number))
    assert not is_public(IPv6Address((0x2002 << 112) | (number << 80) | 1))


@given(v4)
def test_a_wrapped_ipv4_counts_as_the_ipv4(address: IPv4Address) -> None:
    assert is_public(IPv6Address((0xFFFF << 32) | int(address))) == is_public(address)
    assert is_public(IPv6Address((0x64FF9B << 96) | int(address))) == is_public(address)


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_a_public_ipv6_is_a_global_unicast_one(address: IPv6Address) -> None:
    if is_public(address) and address not in ip_network("64:ff9b::/96") and not address.ipv4_mapped:
        assert address in ip_network("2000::/3")


@pytest.mark.parametrize(
    "text",
    [
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "64:ff9b:1::1",
        "fec0::1",
        "169.254.169.254",
        "192.0.0.8",
        "192.0.2.1",
        "255.255.255.255",
        "192.88.99.1",
    ],
)
def test_special_addresses_are_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001::1"])
def test_ordinary_addresses_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/a",
        "//example.com/a",
        "example.com/a",
        "http:///a",
        "http://",
        "",
        "http://user:secret@example.com/",
        "http://user@example.com/",
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://127。0。0。1/",
        "http://１２７.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[fe80::1%25eth0]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://example.com:22/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://example..com/",
        "http://example.com../",
        "http://-example.com/",
        "http://exa mple.com/",
        "http://ex%61mple.com/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 127 + "com/",
        "http://example.com/\r\nHost: evil",
        "http://[::1",
    ],
)
def test_what_may_not_be_named(url: str) -> None:
    with pytest.raises(NotAllowedError) as caught:
        parse(url)
    assert caught.value.code == "url_not_allowed"


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://Example.COM./a?b=c#d", "https://example.com/a?b=c"),
        ("http://example.com:80", "http://example.com/"),
        ("http://example.com:8080/a", "http://example.com:8080/a"),
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ("http://[2606:4700::1]:8443/", "http://[2606:4700::1]:8443/"),
        (
            "https://b.s3.amazonaws.com/k%2Fl?X-Amz-Signature=a%2Fb%3D",
            "https://b.s3.amazonaws.com/k%2Fl?X-Amz-Signature=a%2Fb%3D",
        ),
    ],
)
def test_what_may_be_named_keeps_its_path_and_query(url: str, plain: str) -> None:
    assert parse(url).to_text() == plain
    assert parse(plain).to_text() == plain


@given(st.text(max_size=60))
def test_no_text_does_more_than_to_be_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"http://example.com{text}"):
        try:
            found = parse(url)
        except NotAllowedError:
            continue
        assert found.to_text().isascii()


def test_an_exempt_pair_is_that_port_only() -> None:
    assert parse("http://127.0.0.1:5000/", ["127.0.0.1:5000"]).port == 5000
    with pytest.raises(NotAllowedError):
        parse("http://127.0.0.1:5001/", ["127.0.0.1:5000"])
