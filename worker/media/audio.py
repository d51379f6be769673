"""PCM in blocks: memory does not grow with a file's length. Samples are float32 in −1…1, shape (frames, channels)."""

import errno
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from shared.errors import PermanentError, TransientError
from worker.media.console import DISK_FULL

Samples = NDArray[np.float32]

BLOCK_FRAMES = 48_000
# What each channel gives to one that stands for all: a voice in the middle comes out as loud from two channels as from
# the centre of 5.1 (left, right, centre, bass, back left, back right).
TO_MONO = {1: (1.0,), 2: (0.5, 0.5), 6: (0.5, 0.5, 0.7071, 0.0, 0.3536, 0.3536)}
# Magic, offset of the data, its size, encoding, rate, channels.
_AU_HEADER = struct.Struct(">4s5I")


def blocks(path: Path, frames: int = BLOCK_FRAMES, *, first: int = 0, count: int = -1) -> Iterator[Samples]:
    """The file in blocks (n, channels); n is `frames` but for the last one.

    `count` frames from frame `first` on; all where it is below zero.
    """
    with _opened(path) as file:
        file.seek(first)
        yield from file.blocks(frames, frames=count, dtype="float32", always_2d=True)


def shape(path: Path) -> tuple[int, int, int]:
    """The file's frames, rate and channels."""
    with _opened(path) as file:
        return file.frames, file.samplerate, file.channels


def resampled_mono(path: Path, rate: int = 16_000, block_seconds: float = 1.0) -> Iterator[Samples]:
    """All channels as one at `rate` Hz, in blocks (n,) of about `block_seconds`, delay taken out."""
    with _opened(path) as file:
        stream = soxr.ResampleStream(file.samplerate, rate, 1, dtype="float32")
        for block in file.blocks(max(1, round(block_seconds * file.samplerate)), dtype="float32", always_2d=True):
            resampled = stream.resample_chunk(mono(block))
            if len(resampled):
                yield resampled
        rest = stream.resample_chunk(np.zeros(0, np.float32), last=True)
        if len(rest):
            yield rest


def mono(block: Samples) -> Samples:
    """(n, channels) as (n,)."""
    weights = TO_MONO.get(block.shape[1]) or (1 / block.shape[1],) * block.shape[1]
    return np.asarray(block @ np.array(weights, np.float32), np.float32)


def faded(samples: Samples, rate: int, milliseconds: int = 10) -> Samples:
    """A copy of mono samples (n,) that begins and ends softly."""
    count = min(milliseconds * rate // 1000, len(samples) // 2)
    soft = samples.astype(np.float32)
    ramp = np.arange(count, dtype=np.float32) / np.float32(max(1, count))
    soft[:count] *= ramp
    soft[len(soft) - count :] *= ramp[::-1]
    return soft


def read_span(path: Path, start_seconds: float, end_seconds: float) -> Samples:
    """The samples (n, channels) from `start_seconds` to `end_seconds`; what lies outside the file is left out."""
    with _opened(path) as file:
        first, last = (min(max(0, round(t * file.samplerate)), file.frames) for t in (start_seconds, end_seconds))
        file.seek(first)
        samples: Samples = file.read(max(0, last - first), dtype="float32", always_2d=True)
        return samples


def read_mono(path: Path, start_seconds: float, end_seconds: float, rate: int) -> Samples:
    """The mean (n,) of all channels at `rate` Hz from `start_seconds` to `end_seconds`, within the file.

    Beyond what is returned, memory does not grow with the stretch's length.
    """
    with _opened(path) as file:
        first, last = (min(max(0, round(t * file.samplerate)), file.frames) for t in (start_seconds, end_seconds))
        file.seek(first)
        stream = soxr.ResampleStream(file.samplerate, rate, 1, dtype="float32")
        read = file.blocks(BLOCK_FRAMES, frames=max(0, last - first), dtype="float32", always_2d=True)
        resampled = [stream.resample_chunk(mono(block)) for block in read]
        resampled.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    joined: Samples = np.concatenate(resampled)
    return joined


def write_flac(path: Path, blocks: Iterable[Samples | NDArray[np.int16]], rate: int, channels: int) -> int:
    """Write blocks (n, channels) as 16-bit FLAC, clipped at full scale; returns the number of frames.

    Raises TransientError `disk_full`.
    """
    frames = 0
    try:
        path.touch()  # says what is wrong with the place; soundfile would only say "system error"
        with soundfile.SoundFile(path, "w", rate, channels, "PCM_16", format="FLAC") as file:
            for block in blocks:
                file.write(block)
                frames += len(block)
    except soundfile.SoundFileError as error:
        raise TransientError(*DISK_FULL) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise TransientError(*DISK_FULL) from error
        raise
    return frames


def exactly(blocks: Iterable[NDArray[np.int16]], frames: int, channels: int) -> Iterator[NDArray[np.int16]]:
    """`blocks` (n, channels) cut or padded with silence to `frames` frames; takes all of them to their end."""
    left = frames
    for block in blocks:
        if left:
            yield block[:left]
        left = max(0, left - len(block))
    while left:
        silence = np.zeros((min(left, BLOCK_FRAMES), channels), np.int16)
        yield silence
        left -= len(silence)


class AuSound:
    """16-bit sound in Sun's AU format (its header says how many channels) from a pipe, as blocks (n, channels).

    `channels` is 0 where there is no sound; `frames` counts what was read.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self.frames = 0
        self.channels = 0
        self._pipe = pipe
        header = pipe.read(_AU_HEADER.size)
        if len(header) == _AU_HEADER.size:
            _, data_offset, _, _, _, self.channels = _AU_HEADER.unpack(header)
            pipe.read(data_offset - _AU_HEADER.size)

    def __iter__(self) -> Iterator[NDArray[np.int16]]:
        frame_bytes = 2 * self.channels
        while chunk := self._pipe.read(BLOCK_FRAMES * frame_bytes):
            whole = len(chunk) - len(chunk) % frame_bytes  # a decoder that was killed may stop anywhere
            block = np.frombuffer(chunk[:whole], ">i2").astype(np.int16).reshape(-1, self.channels)
            self.frames += len(block)
            yield block


def _opened(path: Path) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(path)
    except soundfile.SoundFileError as error:
        raise PermanentError("media_unreadable", "The sound could not be read. The file may be damaged.") from error
