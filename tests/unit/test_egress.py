"""Requests to addresses that users name, against a real server that tries to lead elsewhere."""

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.egress import Egress, Limits
from shared.errors import TransientError
from shared.public_addresses import NotAllowedError, parse
from tests.remote import Remote, answer, remote

QUICK = Limits(total_seconds=5, stall_seconds=2)


@pytest.fixture
def server() -> Iterator[Remote]:
    with remote() as running:
        yield running


@pytest.fixture
def egress(server: Remote) -> Egress:
    return Egress([server.authority])


def fetch(egress: Egress, url: str, limits: Limits = QUICK, redirects: int = 5) -> tuple[int, bytes]:
    with egress.request("GET", url, limits=limits, redirects=redirects) as found:
        return found.status, b"".join(found.chunks)


def test_a_redirect_is_followed_and_the_answer_says_from_where(server, egress):
    server.answers("/b", body=b"here")
    url = server.answers("/a", 302, Location="/b")
    with egress.request("GET", url, limits=QUICK, redirects=5) as found:
        assert (found.status, b"".join(found.chunks), found.url) == (200, b"here", server.url("/b"))


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost/",
        "http://127.0.0.1/",
        "http://2852039166/",
        "http://[::ffff:169.254.169.254]/",
        "//10.0.0.1/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http://user:pass@example.com/",
        "http://[",
    ],
)
def test_a_redirect_to_anything_private_ends_there(server, egress, location):
    url = server.answers("/a", 302, Location=location)
    with pytest.raises(NotAllowedError):
        fetch(egress, url)


def test_redirects_end(server, egress):
    url = server.answers("/a", 302, Location="/a")
    with pytest.raises(NotAllowedError, match="more than 5 times"):
        fetch(egress, url)
    assert len(server.asked) == 6
    assert fetch(egress, url, redirects=0)[0] == 302


def test_a_name_is_refused_when_any_of_its_addresses_is_private(server):
    mixed = Egress(resolve=lambda host, port: ["93.184.215.14", "127.0.0.1"])
    with pytest.raises(NotAllowedError):
        fetch(mixed, f"http://example.com:{server.port}/")
    assert server.asked == []


def test_a_private_name_is_refused_before_anything_is_connected(server):
    with pytest.raises(NotAllowedError):
        fetch(Egress(resolve=lambda host, port: ["127.0.0.1"]), f"http://example.com:{server.port}/")
    assert server.asked == []


def test_a_name_is_asked_for_once_so_a_second_answer_changes_nothing(server):
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    server.answers("/a", body=b"here")
    rebinding = Egress([f"rebind.test:{server.port}"], resolve=lambda host, port: next(answers))
    assert fetch(rebinding, f"http://rebind.test:{server.port}/a") == (200, b"here")
    assert server.asked[0][2]["Host"] == f"rebind.test:{server.port}"
    assert next(answers) == ["169.254.169.254"]


def test_the_next_address_is_tried_when_one_does_not_answer(server):
    server.answers("/a", body=b"here")
    two = Egress([f"two.test:{server.port}"], resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"])
    assert fetch(two, f"http://two.test:{server.port}/a") == (200, b"here")


def test_no_proxy_of_the_environment_is_used(server, egress, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert fetch(egress, server.answers("/a", body=b"here")) == (200, b"here")


def test_what_is_not_there_is_transient(egress):
    with pytest.raises(TransientError) as caught:
        fetch(egress, "http://nowhere.invalid/")
    assert caught.value.code == "url_unreachable"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(TransientError):
        fetch(Egress([f"127.0.0.1:{port}"]), f"http://127.0.0.1:{port}/")


def test_a_server_that_drips_is_left_at_the_deadline(server, egress):
    def drip(handler, _body):
        for letter in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100:
            handler.wfile.write(bytes([letter]))
            time.sleep(0.1)

    server.paths["/a"] = drip
    began = time.monotonic()
    with pytest.raises(TransientError):
        fetch(egress, server.url("/a"), Limits(total_seconds=1, stall_seconds=1))
    assert time.monotonic() - began < 2


def test_a_body_that_ends_early_is_transient(server, egress):
    url = server.answers("/a", body=b"half", Content_Length="8")
    with pytest.raises(TransientError):
        fetch(egress, url)


def test_a_body_is_not_decoded(server, egress):
    url = server.answers("/a", body=b"\x1f\x8bnot gzip", Content_Encoding="gzip")
    assert fetch(egress, url) == (200, b"\x1f\x8bnot gzip")
    assert server.asked[0][2]["Accept-Encoding"] == "identity"


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "c.pem", folder / "k.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


@pytest.mark.parametrize(("name", "right"), [("films.test", True), ("other.test", False)])
def test_tls_demands_the_names_certificate_and_not_the_addresss(tmp_path, name, right):
    certified, private = certificate(tmp_path, "films.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified, private)
    asked: list[str] = []
    context.sni_callback = lambda sock, server_name, _context: asked.append(server_name)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def serve() -> None:
        raw, _ = listener.accept()
        try:
            with context.wrap_socket(raw, server_side=True) as secure:
                secure.recv(4096)
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    trusting = ssl.create_default_context(cafile=str(certified))
    egress = Egress([f"{name}:{port}"], resolve=lambda host, port: ["127.0.0.1"], ssl_context=trusting)
    if right:
        assert fetch(egress, f"https://{name}:{port}/") == (200, b"ok")
    else:
        with pytest.raises(TransientError):
            fetch(egress, f"https://{name}:{port}/")
    assert asked == [name]
    listener.close()


def test_https_does_not_lead_on_to_http(server):
    with pytest.raises(NotAllowedError, match="https to http"):
        Egress()._next(parse("https://example.com/a"), "http://example.com/b")


def test_a_body_is_sent(server, egress):
    server.paths["/echo"] = lambda handler, body: answer(handler, 200, body)
    with egress.request("POST", server.url("/echo"), limits=QUICK, content=b"said") as found:
        assert b"".join(found.chunks) == b"said"
