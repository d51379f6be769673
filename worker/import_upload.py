"""An import's own side: bytes in, parts of the bucket's upload out, with what is safe in the database."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy.orm import Session

from shared.config import MIB, Settings
from shared.errors import LeaseLostError, PermanentError, TransientError
from shared.multipart import MOST_PARTS, Multipart, Part, UploadGoneError
from shared.storage import Storage, original_key
from shared.videos import imports, library
from shared.videos.imports import Claim, Order

PART_BYTES = 8 * MIB

Transaction = Callable[[], AbstractContextManager[Session]]


class ImportUpload:
    """The upload of one import. `position` is the next byte that it wants; at most one part is in memory."""

    def __init__(
        self, settings: Settings, transaction: Transaction, held: Claim, order: Order, content_type: str
    ) -> None:
        self._settings = settings
        self._transaction = transaction
        self._held = held
        self._content_type = content_type
        self._storage = Storage(settings)
        self._multipart = Multipart(settings)
        self._key = original_key(held.video_id)
        self._upload_id = order.upload_id
        self._part_size = order.part_size or max(PART_BYTES, -(-settings.max_upload_bytes // MOST_PARTS))
        self._parts: list[Part] = []
        self._buffer = bytearray()

    @property
    def position(self) -> int:
        """How many bytes have come."""
        return sum(part.size_bytes for part in self._parts) + len(self._buffer)

    @property
    def begun(self) -> bool:
        """Whether there is an upload to write to."""
        return self._upload_id is not None

    def is_whole(self) -> bool:
        """Whether an earlier attempt has completed the object already."""
        return self.begun and self._storage.head(self._key) is not None

    def resume(self) -> None:
        """Go on behind the full parts that the bucket has; from the beginning if it has none."""
        if self._upload_id is None:
            return
        try:
            stored = self._multipart.parts(self._key, self._upload_id)
        except UploadGoneError:
            self._upload_id = None
            return
        for number, part in enumerate(stored, 1):
            if (part.number, part.size_bytes) != (number, self._part_size):
                break
            self._parts.append(part)

    def restart(self) -> None:
        """Begin at the first byte. Raises LeaseLostError."""
        if self._upload_id is not None:
            self._multipart.abort(self._key, self._upload_id)
        self._parts, self._buffer = [], bytearray()
        self._upload_id = self._multipart.begin(self._key, self._content_type)
        try:
            with self._transaction() as session:
                imports.begun(session, self._held, upload_id=self._upload_id, part_size=self._part_size)
        except LeaseLostError:
            self._multipart.abort(self._key, self._upload_id)
            raise

    def write(self, chunk: bytes) -> None:
        """Take the next bytes. Raises LeaseLostError, PermanentError `too_large`, TransientError."""
        self._buffer += chunk
        if self.position > self._settings.max_upload_bytes:
            raise too_large(self._settings)
        while len(self._buffer) >= self._part_size:
            self._send(bytes(self._buffer[: self._part_size]))
            del self._buffer[: self._part_size]

    def complete(self) -> None:
        """All bytes have come. Raises LeaseLostError, PermanentError `empty_upload`, TransientError."""
        if not self.position:
            raise PermanentError("empty_upload", "The file is empty. Choose another one.")
        if self._buffer:
            last, self._buffer = bytes(self._buffer), bytearray()
            self._send(last)
        assert self._upload_id is not None
        try:
            self._multipart.complete(self._key, self._upload_id, self._parts)
        except UploadGoneError:
            if not self.is_whole():
                raise _interrupted() from None

    def abort(self) -> None:
        """Drop what has come."""
        if self._upload_id is not None:
            self._multipart.abort(self._key, self._upload_id)

    def _send(self, body: bytes) -> None:
        assert self._upload_id is not None
        try:
            part = self._multipart.put_part(self._key, self._upload_id, len(self._parts) + 1, body)
        except UploadGoneError:
            raise _interrupted() from None
        self._parts.append(part)
        with self._transaction() as session:
            imports.received(session, self._held, sum(part.size_bytes for part in self._parts))


def too_large(settings: Settings) -> PermanentError:
    """The refusal of a file above the installation's limit."""
    refusal = library.too_large(settings)
    return PermanentError(refusal.code, refusal.message)


def _interrupted() -> TransientError:
    return TransientError("import_interrupted", "The file's upload to the store was interrupted.")
