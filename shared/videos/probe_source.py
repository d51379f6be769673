"""The media file as the probe's child sees it: ranges asked from the parent over a pipe, cached, and counted."""

import io
import json
import struct
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, BinaryIO

BLOCK_BYTES = 256 * 1024
CACHED_BLOCKS = 32
REFUSED = -1
ANSWER = struct.Struct(">i")


class BudgetError(OSError):
    """More was asked for than may be read."""


def send(pipe: BinaryIO, message: dict[str, Any]) -> None:
    """One message, one line of JSON."""
    pipe.write(json.dumps(message).encode() + b"\n")
    pipe.flush()


class Source:
    """The file behind the pipes. `allow()` opens a stage's own budget; `exhausted` says that a stage ran out of it."""

    def __init__(self, ask: BinaryIO, answers: BinaryIO, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.exhausted = False
        self._ask = ask
        self._answers = answers
        self._left = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def allow(self, bytes_: int) -> None:
        """Begin a stage that may fetch `bytes_` from the parent."""
        self._left = bytes_
        self.exhausted = False

    def block(self, number: int) -> bytes:
        """The block `number` of the file, from the cache or the parent. Raises BudgetError."""
        if number not in self._blocks:
            self._blocks[number] = self._fetch(number * BLOCK_BYTES)
            if len(self._blocks) > CACHED_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def bytes_at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; as many as one block has."""
        block = self.block(offset // BLOCK_BYTES)
        start = offset % BLOCK_BYTES
        return block[start : start + length]

    def _fetch(self, offset: int) -> bytes:
        length = min(BLOCK_BYTES, self.size_bytes - offset)
        if length > self._left:
            self._run_out()
        self._left -= length
        send(self._ask, {"read": [offset, length]})
        (count,) = ANSWER.unpack(self._exactly(ANSWER.size))
        if count == REFUSED:
            self._run_out()
        return self._exactly(count)

    def _run_out(self) -> None:
        self.exhausted = True
        raise BudgetError("the probe may not read any more")

    def _exactly(self, count: int) -> bytes:
        data = self._answers.read(count)
        if len(data) != count:
            raise SystemExit("the parent is gone")
        return data


class View(io.RawIOBase):
    """A readable file made of ranges `(start, end)` of the source, one behind the other."""

    def __init__(self, source: Source, ranges: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self._source = source
        self._ranges = ranges
        self._size = sum(end - start for start, end in ranges)
        self._position = 0

    def seekable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position, counted as in any file."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; empty at the end. Raises BudgetError."""
        offset, room = self._locate()
        if not room:
            return b""
        data = self._source.bytes_at(offset, min(room, size if size >= 0 else BLOCK_BYTES))
        self._position += len(data)
        return data

    def _locate(self) -> tuple[int, int]:
        before = 0
        for start, end in self._ranges:
            if self._position < before + end - start:
                offset = start + self._position - before
                return offset, end - offset
            before += end - start
        return 0, 0
