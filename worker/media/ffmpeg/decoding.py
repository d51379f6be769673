"""Sound out of a file, on the presentation clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np

from shared.errors import PermanentError
from worker.media import console
from worker.media.audio import AuSound, Samples, exactly, write_flac
from worker.media.console import Description
from worker.media.ffmpeg.inputs import describe, on_the_clock, source_of
from worker.media.ffmpeg.process import LONGEST_SECONDS, UNREADABLE, Process, Told, limits_for, untold
from worker.media.tracks import ON_THE_CLOCK

RATE = 48_000
# Decoding goes on so far past the declared end; past the tolerance the declaration was wrong.
DECODE_PAST_END_SECONDS = 2.0
LONGER_THAN_DECLARED_SECONDS = 1.0
MISSING_SECONDS, MISSING_SHARE, MISSING_AT_LEAST_SECONDS = 2.0, 0.02, 0.25

TRUNCATED = ("truncated", "The file is cut short: its sound breaks off long before its end. Upload it again.")
NO_AUDIO = ("no_audio", "The file has no sound that could be dubbed.")
MISMATCH = ("duration_mismatch", "The sound is longer than the file says it is. Export the video again.")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded sound: `samples` frames at `rate`; `decoded_seconds` is how long it was before padding or trimming."""

    samples: int
    rate: int
    channels: int
    decoded_seconds: float


def decode_sound(
    original: Path, out: Path, *, stream_index: int, duration_seconds: float, told: Told = untold
) -> Decoded:
    """Decode a stream to 48 kHz 16-bit FLAC, mono, stereo or 5.1, on the presentation clock and as long as it.

    Raises PermanentError `media_unreadable`, `truncated`, `no_audio`, `duration_mismatch`; TransientError.
    """
    samples = round(duration_seconds * RATE)
    graph = _decoding(original, describe(original), stream_index, duration_seconds + DECODE_PAST_END_SECONDS)
    with Process(graph, limits_for(duration_seconds), failure=UNREADABLE) as process:
        sound = AuSound(process.stdout)
        if sound.channels:
            write_flac(out, exactly(_telling(sound, samples, told), samples, sound.channels), RATE, sound.channels)
        decoded = Decoded(samples, RATE, sound.channels, sound.frames / RATE)
        _check_decoded(process, decoded, duration_seconds)
    return decoded


def sound_blocks(original: Path, *, stream_index: int, rate: int) -> Iterator[Samples]:
    """A stream as mono blocks (n,) of a second at `rate` Hz, on the presentation clock; stop whenever you like.

    Raises PermanentError `media_unreadable`; TransientError.
    """
    graph = _listening(original, describe(original), stream_index, rate)
    with Process(graph, limits_for(LONGEST_SECONDS), failure=UNREADABLE) as process:
        while chunk := process.stdout.read(4 * rate):
            yield np.frombuffer(chunk[: len(chunk) // 4 * 4], "<f4").astype(np.float32)
        process.finish()


def _telling(sound: AuSound, samples: int, told: Told) -> Iterator[Any]:
    for block in sound:
        told(sound.frames / max(1, samples))
        yield block


def _decoding(original: Path, described: Description, stream_index: int, seconds: float) -> Any:
    source = source_of(original)
    # Three layouts are offered and the nearest is taken: these stay as they are, 7.1 is mixed down to 5.1.
    sound = ffmpeg.output(
        source[str(stream_index)],
        "pipe:1",
        f="au",
        acodec="pcm_s16be",
        ar=RATE,
        af=f"{ON_THE_CLOCK},aformat=channel_layouts=mono|stereo|5.1",
        t=seconds,
        map_metadata=-1,
    )
    return on_the_clock(source, described, sound, t=seconds)


def _check_decoded(process: Process, decoded: Decoded, duration_seconds: float) -> None:
    """Raises what is wrong with what was decoded: nothing at all, too much, or broken off."""
    missing = duration_seconds - decoded.decoded_seconds
    allowed = min(MISSING_SECONDS, max(MISSING_AT_LEAST_SECONDS, MISSING_SHARE * duration_seconds))
    try:
        process.finish()
    except PermanentError as error:
        if decoded.decoded_seconds and missing > allowed:
            raise PermanentError(*TRUNCATED) from error
        if any("matches no streams" in line for line in process.lines):
            raise PermanentError(*NO_AUDIO) from error
        raise
    if not decoded.decoded_seconds:
        raise PermanentError(*NO_AUDIO)
    if -missing > LONGER_THAN_DECLARED_SECONDS:
        raise PermanentError(*MISMATCH)
    if process.lines and missing > allowed:
        raise console.failure(0, process.lines, TRUNCATED)


def _listening(original: Path, described: Description, stream_index: int, rate: int) -> Any:
    source = source_of(original)
    clock = f"{ON_THE_CLOCK},aformat=channel_layouts=mono"
    sound = ffmpeg.output(source[str(stream_index)], "pipe:1", f="f32le", ar=rate, ac=1, af=clock, map_metadata=-1)
    return on_the_clock(source, described, sound)
