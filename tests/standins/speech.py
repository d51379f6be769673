"""The sound that stand-ins answer with: real speech of the offline engines, as 16-bit PCM."""

import zlib
from pathlib import Path

import numpy as np
import soxr

from shared.errors import PermanentError
from tests.contracts.conftest import settings_in
from worker.engines.speech_synthesis.espeak import EspeakSynthesiser
from worker.engines.speech_synthesis.flite import VOICES, FliteSynthesiser

ESPEAK = ("espeak:en-us+f2", "espeak:en-us", "espeak:en-us+m3", "espeak:en-us+f3")
_flite = FliteSynthesiser(settings_in(Path("unused")))
_espeak = EspeakSynthesiser(settings_in(Path("unused")))


def spoken(text: str, voice: str, rate: int, speed: float = 1.0) -> bytes:
    """`text` in a voice that `voice` always means, at `rate` Hz, `speed` times as fast.

    The count of samples is odd, so that half of the bytes end within one.
    """
    own = zlib.crc32(voice.encode())
    number, tuned = own % len(ESPEAK), 1 + (own >> 8) % 32 / 400
    try:
        sound = _flite.synthesise(text, VOICES[number].voice_id, "en")
    except PermanentError:  # no Latin letter
        sound = _espeak.synthesise(text, ESPEAK[number], "en")
    samples = soxr.resample(sound.samples, sound.rate * speed * tuned, rate)
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    odd: bytes = pcm[: len(pcm) - (len(pcm) + 1) % 2].tobytes()
    return odd
