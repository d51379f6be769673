"""A file on a foreign server: its bytes from anywhere, as one stream, whatever happens to the connections."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpx

from shared.egress import Answer, Egress, Limits
from shared.errors import PermanentError, TransientError

MOST_REDIRECTS = 5
WEB_PAGES = frozenset({"text/html", "application/xhtml+xml"})
LATER = frozenset({408, 425, 429})
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")
_UNSATISFIED = re.compile(r"bytes \*/(\d+)")


@dataclass(frozen=True)
class Piece:
    """The bytes from `start` on; `size_bytes` of the whole file, if the server says it. Without chunks: the end."""

    start: int
    size_bytes: int | None
    etag: str | None
    headers: httpx.Headers
    chunks: Iterator[bytes]


class RemoteFile:
    """The file at `url`. It may be resumed as long as its strong validator stays (RFC 9110, 13.1.5)."""

    def __init__(
        self, egress: Egress, url: str, *, total_seconds: float, stall_seconds: float, slowest_bytes: int = 0
    ) -> None:
        self._egress = egress
        self._url = url
        self._stall_seconds = stall_seconds
        self._deadline = time.monotonic() + total_seconds
        self._slowest_bytes = slowest_bytes
        self._waited_seconds, self._received_bytes = 0.0, 0

    @contextmanager
    def read(self, position: int, etag: str | None) -> Iterator[Piece]:
        """The file from `position` if it is the one of `etag` still, else from its beginning.

        Raises PermanentError `import_http_error`, `import_web_page`, `import_too_slow`, `url_not_allowed`;
        TransientError `url_unreachable`, `import_http_error`, also while the chunks are read.
        """
        wanted = {"Range": f"bytes={position}-", "If-Range": etag} if position and etag else {}
        limits = Limits(self._left(), self._stall_seconds)
        headers = {"User-Agent": "OneVoice-Import/1", "Accept": "*/*", **wanted}
        try:
            with self._egress.request(
                "GET", self._url, limits=limits, headers=headers, redirects=MOST_REDIRECTS
            ) as answer:
                piece = _piece(answer, position if wanted else 0, etag)
                yield replace(piece, chunks=self._paced(piece.chunks))
        except TransientError:
            self._left()
            raise

    def _paced(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks, as long as they come fast enough: of the time, only what was waited for them counts."""
        began = time.monotonic()
        for chunk in chunks:
            self._waited_seconds += time.monotonic() - began
            self._received_bytes += len(chunk)
            if self._waited_seconds > self._stall_seconds:
                self._demand_pace()
            yield chunk
            began = time.monotonic()

    def _demand_pace(self) -> None:
        if self._received_bytes < self._slowest_bytes * self._waited_seconds:
            raise PermanentError(
                "import_too_slow",
                f"The file's server is too slow: it sends less than {self._slowest_bytes // 1024} KiB a second.",
            )

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise PermanentError("import_too_slow", "The file's server is too slow: fetching it took too long.")
        return left


def _piece(answer: Answer, position: int, etag: str | None) -> Piece:
    headers = answer.headers
    if answer.status == 206 and position and _continues(headers, position, etag):
        return Piece(position, _whole(headers, position), etag, headers, answer.chunks)
    if answer.status == 416 and position and _is_end(headers, position):
        return Piece(position, position, etag, headers, iter(()))
    if answer.status in (206, 416):
        raise TransientError("import_http_error", "The file's server mixed up the parts of the file.")
    _demand_file(answer)
    return Piece(0, _whole(headers, 0), _strong(headers), headers, answer.chunks)


def _continues(headers: httpx.Headers, position: int, etag: str | None) -> bool:
    found = _RANGE.fullmatch(headers.get("Content-Range", ""))
    return found is not None and int(found[1]) == position and headers.get("ETag", etag) == etag


def _is_end(headers: httpx.Headers, position: int) -> bool:
    found = _UNSATISFIED.fullmatch(headers.get("Content-Range", ""))
    return found is not None and int(found[1]) == position


def _demand_file(answer: Answer) -> None:
    if answer.status != 200:
        message = f"The file's server answers with HTTP status {answer.status}."
        if answer.status in LATER or answer.status >= 500:
            raise TransientError("import_http_error", message, _retry_after(answer.headers))
        raise PermanentError("import_http_error", f"{message} Check the address, and whether it has expired.")
    if answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() in WEB_PAGES:
        raise PermanentError(
            "import_web_page", "The address leads to a web page and not to a file. Give the file's own address."
        )
    if answer.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise PermanentError("import_http_error", "The file's server sends the file only compressed.")


def _whole(headers: httpx.Headers, position: int) -> int | None:
    length = headers.get("Content-Length", "")
    return position + int(length) if length.isascii() and length.isdigit() else None


def _strong(headers: httpx.Headers) -> str | None:
    etag = headers.get("ETag", "")
    return etag if len(etag) >= 2 and etag[0] == etag[-1] == '"' and etag.isascii() else None


def _retry_after(headers: httpx.Headers) -> float | None:
    wish = headers.get("Retry-After", "")
    return float(wish) if wish.isascii() and wish.isdigit() and len(wish) < 6 else None
