"""A small real HTTP server that keeps what is posted to it and answers as a test tells it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Post:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)


class Listener:
    """Counts posts and the most that were under way at once. `answer` gives a status, or None to close at once."""

    def __init__(self, answer: Callable[[int], int | None]) -> None:
        self.posts: list[Post] = []
        self.most_at_once = 0
        self._answer = answer
        self._under_way = 0
        self._lock = threading.Lock()

    def take(self, post: Post) -> int | None:
        with self._lock:
            self.posts.append(post)
            number = len(self.posts)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            return self._answer(number)
        finally:
            with self._lock:
                self._under_way -= 1

    def wait_for(self, count: int, seconds: float = 10) -> list[Post]:
        """The posts, once there are `count`."""
        deadline = time.monotonic() + seconds
        while len(self.posts) < count:
            assert time.monotonic() < deadline, f"{len(self.posts)} of {count} posts came within {seconds} s"
            time.sleep(0.02)
        return self.posts


@contextmanager
def listening(answer: Callable[[int], int | None], port: int = 0) -> Iterator[tuple[str, Listener]]:
    """A server on 127.0.0.1, and what it heard. `answer` is called with the number of the post, from 1."""
    listener = Listener(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status = listener.take(Post(self.path, dict(self.headers), body))
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", listener
    finally:
        server.shutdown()
        server.server_close()
