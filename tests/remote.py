"""A server on the internet, as far as the tests are concerned: it serves bytes, cuts, stalls and sends elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handler = Callable[[BaseHTTPRequestHandler, bytes], None]


@dataclass
class Remote:
    """A server whose paths are functions; what it was asked stands in `asked` as (method, path, headers, body)."""

    port: int
    paths: dict[str, Handler] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.authority}{path}"

    def answers(self, path: str, status: int = 200, body: bytes = b"", **headers: str) -> str:
        """Let `path` answer so; its URL."""
        self.paths[path] = lambda handler, _: answer(handler, status, body, **headers)
        return self.url(path)


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@dataclass
class File:
    """A file with a strong validator that honours Range and If-Range. `cuts`: after how many bytes a connection breaks,
    one after the other; `slowly`: seconds before each block."""

    content: bytes
    etag: str | None = '"v1"'
    cuts: list[int] = field(default_factory=list)
    slowly: float = 0.0
    ranges: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    sent: int = 0

    def __call__(self, handler: BaseHTTPRequestHandler, _body: bytes) -> None:
        start = self._start(handler)
        if start >= len(self.content) > 0:
            answer(handler, 416, Content_Range=f"bytes */{len(self.content)}")
            return
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        if self.etag:
            handler.send_header("ETag", self.etag)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(self.content) - start))
        handler.end_headers()
        end = min(len(self.content), start + self.cuts.pop(0)) if self.cuts else len(self.content)
        for position in range(start, end, 256 * 1024):
            time.sleep(self.slowly)
            block = self.content[position : min(end, position + 256 * 1024)]
            handler.wfile.write(block)
            self.sent += len(block)

    def _start(self, handler: BaseHTTPRequestHandler) -> int:
        wanted = handler.headers.get("Range")
        if not (wanted and self.ranges and handler.headers.get("If-Range") in (None, self.etag)):
            return 0
        return int(wanted.removeprefix("bytes=").rstrip("-"))


@contextmanager
def remote() -> Iterator[Remote]:
    """A running Remote."""
    told: list[Remote] = []

    class Asked(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told[0].asked.append((self.command, self.path, dict(self.headers), body))
            handler = told[0].paths.get(self.path.partition("?")[0])
            if handler:
                handler(self, body)
            else:
                answer(self, 404)

        do_GET = do_POST = _do  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), Asked)
    told.append(Remote(server.server_address[1]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield told[0]
    server.shutdown()
    server.server_close()
