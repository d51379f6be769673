"""Voiceprints by librosa. Importing it takes seconds and 200 MB: only a process of its own should (see `listener`)."""

from collections.abc import Callable

import librosa
import numpy as np

from worker.diarisation.voiceprint import CEPSTRA, Voiceprint
from worker.engines.protocols import Sound

RATE = 16_000
HOP, WINDOW, PITCH_WINDOW = 160, 512, 1024  # samples: 10, 32 and 64 ms
BANDS, LOWEST_BAND, HIGHEST_BAND = 40, 80.0, 7_600.0  # Hz
LOWEST_PITCH, HIGHEST_PITCH = 65.0, 400.0  # Hz, of grown-up voices
EDGE = 5.0  # Hz; YIN answers with an end of its range where it finds no period
LOUD = 0.1  # of the 95th percentile of the frames' levels: −20 dB
FEWEST_PITCHED = 6  # frames
# Over-subtraction down to a floor (Berouti, Schwartz and Makhoul, 1979) of noise by its quantile (Stahl, Fischer and
# Bippus, 2000). Noise fills the valleys of the spectrum, where voices differ most.
QUIET = 10  # percent of a band's frames that are taken for noise alone, the loudest of them for its level
OVER, LEFT = 2.0, 0.05  # times that level are taken off the power; that share of the power is left at least (−13 dB)


def voiceprint(sound: Sound) -> Voiceprint:
    """The voiceprint of `sound`, mono at 16 kHz. Pitch is by YIN (de Cheveigné and Kawahara, 2002)."""
    if len(sound.samples) < PITCH_WINDOW or not np.any(sound.samples):
        return Voiceprint((0.0,) * CEPSTRA, None, 0)
    level = librosa.feature.rms(y=sound.samples, frame_length=WINDOW, hop_length=HOP)[0]
    loud = level > LOUD * np.percentile(level, 95)
    power = librosa.feature.melspectrogram(
        y=sound.samples, sr=RATE, n_fft=WINDOW, hop_length=HOP, n_mels=BANDS, fmin=LOWEST_BAND, fmax=HIGHEST_BAND
    )
    cepstra = librosa.feature.mfcc(S=librosa.power_to_db(_without_noise(power)), n_mfcc=CEPSTRA + 1)
    means = cepstra[1:, loud].mean(axis=1)
    return Voiceprint(tuple(round(float(mean), 4) for mean in means), _pitch(sound, loud), int(loud.sum()))


def listener() -> Callable[[Sound], Voiceprint]:
    """For `worker.crew`: what its processes do."""
    voiceprint(Sound(np.ones(RATE, np.float32), RATE))  # loads what librosa loads at first use
    return voiceprint


def _without_noise(power: np.ndarray) -> np.ndarray:
    """The power (bands, frames) less what lies under all of it, band by band."""
    noise = np.percentile(power, QUIET, axis=1, keepdims=True)
    return np.asarray(np.maximum(power - OVER * noise, LEFT * power))


def _pitch(sound: Sound, loud: np.ndarray) -> float | None:
    found = librosa.yin(
        sound.samples, fmin=LOWEST_PITCH, fmax=HIGHEST_PITCH, sr=RATE, frame_length=PITCH_WINDOW, hop_length=HOP
    )[: len(loud)]
    voiced = found[loud[: len(found)]]
    voiced = voiced[(voiced > LOWEST_PITCH + EDGE) & (voiced < HIGHEST_PITCH - EDGE)]
    return round(float(np.median(voiced)), 2) if len(voiced) >= FEWEST_PITCHED else None
