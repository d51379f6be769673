"""Signs of a cut file that only the bytes show: boxes and chunks that end behind the end of the file."""

import struct

from shared.videos.probe_source import Source

# Formats that are a row of frames without an index: their length is the sum of the frames.
AUDIO_BY_COUNTING = frozenset({"aac", "mp3", "ac3", "eac3", "dts", "amr"})

ISO_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})
MOST_BOXES = 64
# RIFF sizes that mean "not known": writers to a pipe leave these.
RIFF_UNKNOWN = frozenset({0, 0x7FFFFFFF, 0xFFFFFFFF})
HEADER_BYTES = 4096


def cut_boxes(source: Source) -> bool:
    """Whether this is an ISO file (mp4, mov) whose top-level boxes go on behind its end (ISO/IEC 14496-12, 4.2)."""
    source.allow(MOST_BOXES * 512 * 1024)
    offset, first = 0, True
    for _ in range(MOST_BOXES):
        header = _bytes(source, offset, 16)
        if len(header) < 8:
            return not first and bool(header)
        size, name = struct.unpack(">I4s", header[:8])
        if first and name not in ISO_FIRST_BOXES:
            return False
        if size == 1 and len(header) == 16:
            (size,) = struct.unpack(">Q", header[8:])
        if size < 8:  # 0: to the end of the file; less than its own header: broken
            return False
        first, offset = False, offset + size
        if offset >= source.size_bytes:
            return bool(offset > source.size_bytes)
    return False


def missing_riff_bytes(source: Source) -> int:
    """How many bytes a RIFF file (wav, avi) announces and does not have."""
    header = _bytes(source, 0, 12)
    if header[:4] != b"RIFF" or len(header) < 12:
        return 0
    (size,) = struct.unpack("<I", header[4:8])
    return 0 if size in RIFF_UNKNOWN else max(0, int(size) + 8 - source.size_bytes)


def has_length_header(source: Source) -> bool:
    """Whether an mp3 says how many frames it has (a Xing, Info or VBRI header in its first frame)."""
    start = 0
    tag = _bytes(source, 0, 10)
    if tag[:3] == b"ID3" and len(tag) == 10:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True))
    frame = _bytes(source, start, HEADER_BYTES)
    return any(name in frame for name in (b"Xing", b"Info", b"VBRI"))


def _bytes(source: Source, offset: int, length: int) -> bytes:
    """Exactly `length` bytes from `offset`, fewer only at the end; nothing once the budget is used up."""
    data = b""
    while len(data) < length and offset + len(data) < source.size_bytes:
        try:
            data += source.bytes_at(offset + len(data), length - len(data))
        except OSError:
            break
    return data
