"""Sound as a small file in memory, as providers take it: 16-bit mono."""

import base64
import io
from typing import Literal

import soundfile
import soxr

from worker.engines.protocols import Samples, Sound

RATE = 16_000
SHORTEST = 0.1  # seconds; providers refuse less, and no word is that short


def encoded(sound: Sound, form: Literal["FLAC", "WAV"] = "FLAC", rate: int = RATE) -> bytes:
    """The file at `rate` Hz: FLAC is about half of two bytes a sample, and never more than a percent above that."""
    file = io.BytesIO()
    soundfile.write(file, resampled(sound, rate), rate, format=form, subtype="PCM_16")
    return file.getvalue()


def resampled(sound: Sound, rate: int = RATE) -> Samples:
    """Its samples at `rate` Hz."""
    samples: Samples = sound.samples if sound.rate == rate else soxr.resample(sound.samples, sound.rate, rate)
    return samples


def data_url(sound: Sound) -> str:
    """A WAV as a data URL."""
    return f"data:audio/wav;base64,{base64.b64encode(encoded(sound, 'WAV')).decode()}"


def is_mute(sound: Sound) -> bool:
    """Whether there is nothing to hear, so that nobody need be asked."""
    return sound.seconds < SHORTEST or not sound.samples.any()
