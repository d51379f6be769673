"""Dialogues of one to three synthetic voices, alone, over noise or over music, and who says what when. Seeded."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

from bench.material.talk import music, sentences
from shared.config import Settings
from worker.engines.speech_synthesis.espeak_speaker import Speaker
from worker.engines.speech_synthesis.flite import FliteSynthesiser

RATE = 16_000
FLITE = tuple(f"flite:{name}" for name in ("slt", "rms", "awb", "kal16"))
ESPEAK = tuple(f"espeak:en-us{variant}" for variant in ("", "+f2", "+f3", "+f4", "+m3", "+m4", "+m7"))
BEDS = ("alone", "music", "noise")
SPEECH_RMS = 0.1

Samples = NDArray[np.float32]
_espeak = Speaker()


@dataclass(frozen=True)
class Line:
    """From when to when (seconds), and which of the dialogue's voices."""

    start: float
    end: float
    voice: int


@dataclass(frozen=True)
class Dialogue:
    """Mono sound at 16 kHz, its lines, its voices and what lies under them."""

    sound: Samples
    lines: tuple[Line, ...]
    voices: tuple[str, ...]
    bed: str


def dialogue(seed: int, voices: Sequence[str], bed: str, lines: int = 12) -> Dialogue:
    """`lines` lines by `voices`, 0.25 to 1.2 s apart and up to 6 dB unlike in level."""
    rng = np.random.default_rng([seed, 16])
    speakers = list(range(len(voices)))
    while len(speakers) < lines:
        others = [number for number in range(len(voices)) if number != speakers[-1]]
        speakers.append(int(rng.choice(others)) if others and rng.random() < 0.55 else speakers[-1])
    parts, said, at = [], [], 0
    for speaker, (_, text) in zip(speakers[:lines], sentences(lines, seed), strict=True):
        gap = round(rng.uniform(0.25, 1.2) * RATE)
        spoken = say(voices[speaker], text) * np.float32(10 ** (rng.uniform(-3, 3) / 20))
        parts += [np.zeros(gap, np.float32), spoken]
        said.append(Line((at + gap) / RATE, (at + gap + len(spoken)) / RATE, speaker))
        at += gap + len(spoken)
    sound = np.concatenate([*parts, np.zeros(RATE // 2, np.float32)])
    return Dialogue(sound + under(bed, len(sound), rng), tuple(said), tuple(voices), bed)


@cache
def say(voice: str, text: str, rate: float = 1.0) -> Samples:
    """`text` by that voice at 16 kHz, `rate` times as fast as is usual for it, trimmed and at the speech level."""
    engine, _, name = voice.partition(":")
    if engine == "flite":
        sound = FliteSynthesiser(Settings.model_construct()).synthesise(text, voice, "en", rate=rate)
        samples, sampled = sound.samples, sound.rate
    else:
        spoken, sampled = _espeak.speak(text.encode(), name, 60, rate)
        samples = np.frombuffer(spoken, "<i2").astype(np.float32) / np.float32(32768)
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    resampled = soxr.resample(samples[loud[0] : loud[-1] + 1], sampled, RATE)
    return np.asarray(resampled * (SPEECH_RMS / np.sqrt(np.mean(np.square(resampled)))), np.float32)


def under(bed: str, length: int, rng: np.random.Generator) -> Samples:
    """`length` samples of what lies under the voices: music 9 to 18 dB or noise 20 to 30 dB below them, or nothing."""
    if bed == "alone":
        return np.zeros(length, np.float32)
    if bed == "noise":
        return rng.standard_normal(length).astype(np.float32) * np.float32(10 ** (rng.uniform(-50, -40) / 20))
    wide = music(int(rng.uniform(0, 16) * 48_000), 3 * length).mean(axis=1)
    played = soxr.resample(wide, 48_000, RATE)
    return np.asarray(np.resize(played, length) * 10 ** (rng.uniform(0, 9) / 20), np.float32)
