"""A file's bytes on their way to the store: in one PUT, or in parts side by side; what has come is not sent again."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from mimetypes import guess_type
from pathlib import Path

import httpx

from local.client.bodies import Finished, MultipartUpload, PartUpload, SentPart, SingleUpload, Video, WantedParts
from local.client.calls import PARTS, UPLOAD, UPLOADED
from local.client.connection import PAUSES, Connection, reachable
from local.client.errors import ClientError

BLOCK_BYTES = 1024 * 1024
SIDE_BY_SIDE = 4
TIMEOUT = httpx.Timeout(600, connect=10)

Progress = Callable[[int, int], None]


class Sender:
    """Sends one file. `progress(sent, all)` in bytes, from several threads. Raises ClientError."""

    def __init__(self, connection: Connection, video_id: str, path: Path, progress: Progress | None) -> None:
        self._connection = connection
        self._video_id = video_id
        self._path = path
        self._progress = progress or (lambda *_: None)
        self._size = path.stat().st_size
        self._sent = 0
        self._lock = threading.Lock()

    def send(self, upload: SingleUpload | MultipartUpload) -> Video:
        """All of it."""
        if isinstance(upload, SingleUpload):
            return self._send_whole(upload)
        return self._send_parts({part.part_number: part for part in upload.parts}, upload.part_size, [])

    def resume(self) -> Video:
        """What has not come yet."""
        state = self._connection.call(UPLOAD, video_id=self._video_id).root
        if isinstance(state, SingleUpload):
            return self._send_whole(state)
        came = [SentPart(part_number=part.part_number, etag=part.etag) for part in state.uploaded_parts]
        missing = sorted(set(range(1, state.part_count + 1)) - {part.part_number for part in came})
        self._tell(sum(part.size_bytes for part in state.uploaded_parts))
        parts = {part.part_number: part for part in self._fresh(missing)} if missing else {}
        return self._send_parts(parts, state.part_size, came)

    def _send_whole(self, upload: SingleUpload) -> Video:
        # 412: the bytes came before, and only the answer was lost.
        self._put(upload.url, upload.headers, 0, self._size, also_good=(httpx.codes.PRECONDITION_FAILED,))
        return self._finish(None)

    def _send_parts(self, parts: dict[int, PartUpload], part_size: int, came: list[SentPart]) -> Video:
        with ThreadPoolExecutor(SIDE_BY_SIDE, "upload") as pool:
            sent = list(pool.map(lambda part: self._send_part(part, part_size), parts.values()))
        return self._finish(sorted([*came, *sent], key=lambda part: part.part_number))

    def _send_part(self, part: PartUpload, part_size: int) -> SentPart:
        offset = (part.part_number - 1) * part_size
        try:
            answer = self._put(part.url, part.headers, offset, part.size_bytes)
        except ClientError as error:
            if error.status != httpx.codes.FORBIDDEN:
                raise
            (fresh,) = self._fresh([part.part_number])  # the address has expired
            answer = self._put(fresh.url, fresh.headers, offset, fresh.size_bytes)
        return SentPart(part_number=part.part_number, etag=answer.headers["ETag"])

    def _fresh(self, numbers: list[int]) -> list[PartUpload]:
        return self._connection.call(PARTS, WantedParts(part_numbers=numbers), video_id=self._video_id).parts

    def _finish(self, parts: list[SentPart] | None) -> Video:
        return self._connection.call(UPLOADED, Finished(parts=parts), video_id=self._video_id)

    def _put(
        self, url: str, headers: dict[str, str], offset: int, size: int, also_good: tuple[int, ...] = ()
    ) -> httpx.Response:
        """PUT a span of the file, again when the connection is lost or the store is in trouble."""
        answer = None
        for pause in PAUSES:
            answer = self._tried(url, headers, offset, size)
            if answer is not None and not answer.is_server_error:
                break
            time.sleep(pause)
        else:
            with reachable(url):
                answer = self._once(url, headers, offset, size)
        if not answer.is_success and answer.status_code not in also_good:
            raise ClientError(
                f"The upload was refused by the file store ({answer.status_code}).", "store_refused", answer.status_code
            )
        return answer

    def _tried(self, url: str, headers: dict[str, str], offset: int, size: int) -> httpx.Response | None:
        try:
            return self._once(url, headers, offset, size)
        except httpx.TransportError:
            return None

    def _once(self, url: str, headers: dict[str, str], offset: int, size: int) -> httpx.Response:
        # No client of ours: its Authorization header is none of the file store's business.
        span = self._span(offset, size)
        return httpx.put(url, content=span, headers=headers, timeout=TIMEOUT, trust_env=False)

    def _span(self, offset: int, size: int) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(offset)
            while size > 0 and (block := file.read(min(BLOCK_BYTES, size))):
                yield block
                size -= len(block)
                self._tell(len(block))

    def _tell(self, count: int) -> None:
        with self._lock:
            self._sent = min(self._size, self._sent + count)
            self._progress(self._sent, self._size)


def media_type(path: Path) -> str:
    """What the name says the file is, where that is video or sound (`.ts` is a translator's file to some)."""
    guessed = guess_type(path.name)[0] or ""
    return guessed if guessed.startswith(("video/", "audio/")) else "application/octet-stream"
