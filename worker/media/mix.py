"""The dub's sound: the voice over the background, block by block, 48 kHz; limiter.py comes after it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from worker.engines.protocols import Samples
from worker.media.audio import mono
from worker.media.room_tone import piece
from worker.spans import Span, union

RATE = 48_000
ATTACK = 0.1
RELEASE = 0.5
HOLD = 1.0
TURN = 1.5  # the least time from one turn of the ducking gain to the next
DEPTH_DB = -15.0
# Where the dub pauses inside the source's speech it is quieter than its loudness says.
DEPTH_MARGIN_DB = 3.0
DEEPEST_DB = -40.0
# The background is itself again this long after the last speech, and until this long before the next.
CLEAR = 0.98
CROSSFADE = 0.1

# Where the voice goes: into the middle, which is both sides of stereo, and 3 dB more of the centre of 5.1.
PAN = {1: (1.0,), 2: (1.0, 1.0), 6: (0.0, 0.0, 2**0.5, 0.0, 0.0, 0.0)}

# How channels become more or fewer: a row for each that is given, a column for each that is wanted.
FOLDS = {
    (1, 6): [[0, 0, 1.4142, 0, 0, 0]],
    (2, 6): [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]],
    (6, 2): [[1, 0], [0, 1], [0.7071, 0.7071], [0, 0], [0.7071, 0], [0, 0.7071]],
}

Background = Literal["duck", "keep", "drop"]


def duck_spans(source_spans: Iterable[Span], dub_spans: Iterable[Span], duration: float) -> list[Span]:
    """Where someone speaks, in the source or in the dub, held through gaps under 1 s; seconds within the file."""
    inside = [(max(0.0, start), min(duration, end)) for start, end in (*source_spans, *dub_spans)]
    return union(inside, HOLD)


def depth_db(source_dialogue_lufs: float | None, dub_lufs: float) -> float:
    """How far (dB, below 0) to duck so that the original voice is at least 15 dB under the dub.

    Deeper by as much as the source's dialogue (LUFS, None when there is none) is louder than the dub will be.
    """
    louder = 0.0 if source_dialogue_lufs is None else max(0.0, source_dialogue_lufs - dub_lufs)
    return max(DEEPEST_DB, DEPTH_DB - DEPTH_MARGIN_DB - louder)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A gain over time: straight lines in decibels between points at `samples` (48 kHz, rising)."""

    samples: NDArray[np.float64]
    decibels: NDArray[np.float64]

    def gain(self, first: int, count: int) -> Samples:
        """The factors of `count` samples from sample `first` on: (count, 1), or (1, 1) where all are the same."""
        at = np.searchsorted(self.samples, (first, first + count - 1))
        around = self.decibels[max(0, at[0] - 1) : at[1] + 1]
        if not len(around) or np.all(around == around[0]):
            return np.full((1, 1), 10 ** (around[0] / 20) if len(around) else 1.0, np.float32)
        level = np.interp(np.arange(first, first + count), self.samples, self.decibels)
        return np.asarray(np.exp((level * (np.log(10) / 20)).astype(np.float32))[:, np.newaxis])


@dataclass(frozen=True, slots=True)
class Room:
    """The endless tone (n, channels) of the room, and its gain."""

    tone: Samples
    envelope: Envelope


def ducking_gain(
    spans: Sequence[Span], depth: float = DEPTH_DB, attack: float = ATTACK, release: float = RELEASE
) -> Envelope:
    """The background's gain: down to `depth` (dB) when a span begins, up over `release` seconds when it ends.

    Known ahead, it is fully down at the span's start. It turns at most once in 1.5 s.
    """
    turns = _turns(spans, attack, release)
    times = [(down, down + attack, up, up + release) for down, up in turns]
    levels = [(0.0, depth, depth, 0.0)] * len(turns)
    return Envelope(np.array(times, np.float64).ravel() * RATE, np.array(levels, np.float64).ravel())


def room_gain(dub_spans: Iterable[Span]) -> Envelope:
    """The gain of the room's tone: whole in pauses, next to nothing under the dub's lines.

    A voice hides that it is not there, and a recogniser loses words to it.
    """
    lines = union(dub_spans, 2 * CROSSFADE)
    times = [(start, start + CROSSFADE, end - CROSSFADE, end) for start, end in lines if end - start > 2 * CROSSFADE]
    levels = [(0.0, DEEPEST_DB, DEEPEST_DB, 0.0)] * len(times)
    return Envelope(np.array(times, np.float64).ravel() * RATE, np.array(levels, np.float64).ravel())


def _turns(spans: Sequence[Span], attack: float, release: float) -> list[Span]:
    """When the gain turns down and up again. A short span is widened, first behind, where the release is masked."""
    held = union(((start - attack, end) for start, end in spans), TURN)
    return union((_widened(down, up, CLEAR - release) for down, up in held), TURN)


def _widened(down: float, up: float, room_behind: float) -> Span:
    missing = max(0.0, TURN - (up - down))
    behind = min(missing, room_behind)
    return Span(down - (missing - behind), up + behind)


def restored(
    bed_blocks: Iterable[Samples], original_blocks: Iterable[Samples], spans: Sequence[Span], channels: int = 2
) -> Iterator[Samples]:
    """The bed, and in `spans` (some) the original in its place, cross-faded over 0.1 s; as long as the original."""
    bed, position = _Bed(bed_blocks, channels), 0
    faded = union((Span(start - CROSSFADE, end + CROSSFADE) for start, end in spans), 0.0)
    times = np.array([(s, s + CROSSFADE, e - CROSSFADE, e) for s, e in faded]).ravel() * RATE
    shares = np.tile([0.0, 1.0, 1.0, 0.0], len(faded))
    for original in original_blocks:
        block = bed.take(len(original))
        share = np.interp(np.arange(position, position + len(block)), times, shares, 0.0, 0.0).astype(np.float32)
        block += share[:, np.newaxis] * (_spread(_finite(original), channels) - block)
        position += len(block)
        yield block


def mix_blocks(
    bed_blocks: Iterable[Samples],
    voice_blocks: Iterable[Samples],
    envelope: Envelope,
    *,
    voice_gain_db: float,
    background: Background,
    channels: int = 2,
    room: Room | None = None,
) -> Iterator[Samples]:
    """Blocks (n, channels) as long together as the voice track: the voice in the middle of the background.

    There are 1, 2 or 6 `channels` (5.1). Bed blocks are (n,) or (n, 1, 2 or 6), of any lengths, and taken as silence
    after their end; voice blocks are (n,) or (n, 1). `duck` follows `envelope`, and what it takes of the
    room's own sound is given back from the endless `room`; `keep` leaves the bed at its level, `drop` leaves it out. A
    value that is not a number is silence.
    """
    bed, position = _Bed(() if background == "drop" else bed_blocks, channels), 0
    voice_gain = 10 ** (voice_gain_db / 20)
    pan = [(channel, np.float32(voice_gain * gain)) for channel, gain in enumerate(PAN[channels]) if gain]
    for block in voice_blocks:
        voice = _finite(block).reshape(-1)
        mixed = bed.take(len(voice))
        if background == "duck":
            _duck(mixed, envelope.gain(position, len(voice)), room, position)
        for channel, gain in pan:
            mixed[:, channel] += voice * gain
        position += len(voice)
        yield mixed


def _duck(bed: Samples, gain: Samples, room: Room | None, first: int) -> None:
    if np.min(gain) == 1.0:
        return
    bed *= gain
    if room is not None:
        filled = np.sqrt(1.0 - np.square(gain)) * room.envelope.gain(first, len(bed))
        bed += filled * piece(room.tone, first, len(bed))


class _Bed:
    """The background in pieces of any length."""

    def __init__(self, blocks: Iterable[Samples], channels: int) -> None:
        self._blocks = iter(blocks)
        self._channels = channels
        self._left = np.zeros((0, channels), np.float32)

    def take(self, count: int) -> Samples:
        """The next `count` samples, a new array (count, channels); silence after the end."""
        taken, filled = np.zeros((count, self._channels), np.float32), 0
        while filled < count:
            if not len(self._left) and not self._read():
                break
            piece = self._left[: count - filled]
            taken[filled : filled + len(piece)] = piece
            self._left = self._left[len(piece) :]
            filled += len(piece)
        return taken

    def _read(self) -> bool:
        for block in self._blocks:
            if len(block):
                self._left = _spread(_finite(block).reshape(len(block), -1), self._channels)
                return True
        return False


def _spread(block: Samples, channels: int) -> Samples:
    """(n, any) as (n, channels): one as all, two as the front of 5.1, 5.1 folded down (ITU-R BS.775)."""
    if block.shape[1] == channels:
        return block
    if channels == 1:
        return mono(block).reshape(-1, 1)
    if block.shape[1] == 1 and channels == 2:
        return np.broadcast_to(block, (len(block), 2))
    return block @ np.array(FOLDS[block.shape[1], channels], np.float32)


def _finite(block: Samples) -> Samples:
    if np.isfinite(np.sum(block)):
        return block
    return np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
