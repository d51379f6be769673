"""ElevenLabs' audio isolation: it gives the voice, and the background is what the voice does not explain.

The voice comes as an mp3, late by the encoder's delay, in phases of its own and at a level of its own: each stretch is
fitted to the original, and its power is taken off that (worker.media.masking). Stretches without a voice stay as they
are and are not paid for.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from elevenlabs.core.request_options import RequestOptions

from shared.config import Settings
from shared.errors import PermanentError
from worker.engines import errors
from worker.engines.door import Usage, door, paid
from worker.engines.protocols import Keep, Samples, Separation, Sound
from worker.engines.sdk import elevenlabs as sdk
from worker.engines.sdk.sound_file import encoded
from worker.engines.source_separation.stretches import Stretch, stretches
from worker.media import audio, ffmpeg, masking
from worker.media.voice_activity import RATE as VOICE_RATE
from worker.media.voice_activity import voiced_spans
from worker.spans import Span, intersection
from worker.threads import side_by_side

# It takes an hour and 500 MB at once, and 4.6 s at least; two minutes keep memory small, and what a failure costs.
LONGEST, OVERLAP, SHORTEST = 120.0, 1.0, 5.0  # seconds
PAID_FOR = "audio_isolation"
SIDE_BY_SIDE = 2  # stretches in memory at once
LATEST = 0.25  # seconds that the answer may be shifted by
FITTED = 20.0  # seconds of the loudest voice by which it is fitted
MISSING = 0.5  # seconds that an answer may be shorter than what it is about


class ElevenLabsIsolation:
    """A SourceSeparator."""

    name = "elevenlabs"
    model = "audio_isolation+mask-1"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._door = door(sdk.PROVIDER, settings)
        self._threads = min(SIDE_BY_SIDE, settings.elevenlabs_concurrency)

    def separate(self, sound: Path, out_dir: Path, keep: Keep) -> Separation:
        """The background of the FLAC at `sound`. Each answer is kept: no stretch is paid for twice.

        Raises TransientError, PermanentError.
        """
        out_dir.mkdir(parents=True, exist_ok=True)
        frames, rate, channels = audio.shape(sound)
        plan = stretches(frames, round(LONGEST * rate), round(OVERLAP * rate), round(SHORTEST * rate))
        spans = voiced_spans(audio.resampled_mono(sound, VOICE_RATE))
        out = out_dir / f"background-{sound.stem}.flac"
        try:
            voices = list(side_by_side(partial(self._voice, sound, out_dir, keep, spans), plan, self._threads))
            parts = (background(sound, stretch, voice) for stretch, voice in zip(plan, voices, strict=True))
            audio.write_flac(out, masking.crossfaded(parts, round(OVERLAP * rate)), rate, channels)
        finally:  # what was paid for is kept, and decoded anew
            for voice in out_dir.glob(f"voice-{sound.stem}-*"):
                voice.unlink()
        return Separation(out)

    def _voice(self, sound: Path, out_dir: Path, keep: Keep, spans: Sequence[Span], stretch: Stretch) -> Path | None:
        """The voice of that stretch, as a mono FLAC; None where nobody speaks."""
        rate = audio.shape(sound)[1]
        whole = Span(stretch.first / rate, (stretch.first + stretch.length) / rate)
        if not intersection(spans, [whole]):
            return None
        path = out_dir / f"voice-{sound.stem}-{stretch.first}.flac"
        # The masking is done anew each time, so its version is not in the name.
        name = f"{self.name}/{PAID_FOR} {stretch.first}+{stretch.length}"
        answer = keep(name, lambda out: self._paid(middle(sound, stretch), out, path))
        if not path.exists():
            _decoded(answer, path, rate)
        return path

    def _paid(self, mixed: Sound, answer: Path, path: Path) -> None:
        """Have the voice isolated: the provider's own file to `answer`, a FLAC of it to `path`."""
        usage = (Usage("seconds", mixed.seconds),)

        def isolated() -> None:
            self._isolated(mixed, answer)
            with paid(usage):
                if _decoded(answer, path, mixed.rate) < len(mixed.samples) - MISSING * mixed.rate:
                    path.unlink()
                    raise errors.malformed(sdk.PROVIDER, "the voice ends before the sound does")

        self._door.call(isolated, slot="source_separation", model=PAID_FOR, usage=lambda _: usage)

    def _isolated(self, mixed: Sound, answer: Path) -> None:
        """One request."""
        padded = np.pad(mixed.samples, (0, max(0, round(SHORTEST * mixed.rate) - len(mixed.samples))))
        file = ("sound.flac", encoded(Sound(padded, mixed.rate), rate=mixed.rate), "audio/flac")
        timeout = math.ceil(self._settings.provider_timeout_seconds + mixed.seconds)
        options = RequestOptions(max_retries=0, timeout_in_seconds=timeout)
        with sdk.told(), answer.open("wb") as out:
            for chunk in sdk.client(self._settings).audio_isolation.convert(audio=file, request_options=options):
                out.write(chunk)


def middle(sound: Path, stretch: Stretch) -> Sound:
    """That stretch of the file as mono, at its own rate."""
    rate = audio.shape(sound)[1]
    blocks = audio.blocks(sound, first=stretch.first, count=stretch.length)
    return Sound(np.concatenate([audio.mono(block) for block in blocks]), rate)


def background(sound: Path, stretch: Stretch, voice: Path | None) -> Iterator[Samples]:
    """That stretch of the file without the voice, in blocks."""
    mix = audio.blocks(sound, first=stretch.first, count=stretch.length)
    if voice is None:
        yield from mix
        return
    lag, gain = _fitted(middle(sound, stretch), voice)
    known = (block[:, 0] for block in audio.blocks(voice, first=max(0, -lag)))
    ahead = np.zeros(max(0, lag), np.float32)
    yield from masking.without_voice(mix, _after(ahead, known), gain)


def _after(first: Samples, blocks: Iterator[Samples]) -> Iterator[Samples]:
    yield first
    yield from blocks


def _fitted(mixed: Sound, voice: Path) -> tuple[int, float]:
    """The lag (samples) and the gain of the voice, by its loudest stretch."""
    known = np.concatenate([block[:, 0] for block in audio.blocks(voice)])
    length = round(FITTED * mixed.rate)
    seconds = np.add.reduceat(np.square(known), np.arange(0, len(known), mixed.rate))
    loudness = np.convolve(seconds, np.ones(min(len(seconds), int(FITTED))), "valid")
    first = int(np.argmax(loudness)) * mixed.rate
    cut = slice(first, first + length)
    return masking.fit(mixed.samples[cut], known[cut], round(LATEST * mixed.rate))


def _decoded(answer: Path, out: Path, rate: int) -> int:
    """Decode the answer to a FLAC; its frames. What can't be decoded is no answer."""
    part = out.with_suffix(".part")
    try:
        blocks = (block[:, np.newaxis] for block in ffmpeg.sound_blocks(answer, stream_index=0, rate=rate))
        frames = audio.write_flac(part, blocks, rate, 1)
    except (PermanentError, soundfile.SoundFileError) as error:
        raise errors.malformed(sdk.PROVIDER, "it is no sound") from error
    part.rename(out)
    return frames
