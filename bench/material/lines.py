"""The standard lines of dub assembly: seeded, with onsets, source lengths and needs drawn from fixed distributions.

need = natural / (next onset − onset − guard). `fits` has no need above 1.35; `overfull` has 26 above 1.5, up to 2.07.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

from worker.timeline import Limits, Line

GUARD = 0.05
CLIP_RATE, BED_RATE = 24_000, 48_000
# Two chords in Hz, one for each side.
CHORDS = ((220.0, 277.2, 329.6), (220.0, 261.6, 329.6))

Tier = Literal["fits", "overfull"]
Samples = NDArray[np.float32]


def lines_of(tier: Tier, seed: int, minutes: float = 10.0) -> tuple[list[Line], Limits]:
    """The lines of one tier and seed, and the limits of a file of `minutes`."""
    rng = np.random.default_rng([seed, {"fits": 1, "overfull": 2}[tier]])
    count, duration = round(16.8 * minutes), minutes * 60
    step = rng.lognormal(np.log(3.3), 0.45, count).clip(1.0, 9.0)
    step *= (duration - 1.0) / step.sum()
    starts = 0.5 + np.concatenate([[0], np.cumsum(step)[:-1]])
    slot = step - GUARD
    ends = starts + slot * rng.uniform(0.6, 0.97, count)
    natural = slot * _needs(tier, count, rng)
    speakers = 1 + (np.cumsum(rng.random(count) < 0.4) % 2)
    rows = zip(starts, ends, speakers, natural, strict=True)
    lines = [
        Line(i, round(float(s), 4), round(float(e), 4), f"S{k}", round(float(n), 4))
        for i, (s, e, k, n) in enumerate(rows)
    ]
    return lines, Limits(duration)


def write_clips(folder: Path, lines: list[Line], seed: int) -> list[Path]:
    """A speech-like clip for each line, as long as the line's natural speech: mono FLAC at 24 kHz."""
    rng = np.random.default_rng([seed, 9])
    paths = [folder / f"line-{line.id:04}.flac" for line in lines]
    for line, path in zip(lines, paths, strict=True):
        soundfile.write(path, _voice(line, rng), CLIP_RATE, subtype="PCM_16")
    return paths


def write_bed(path: Path, seconds: float) -> None:
    """A soft chord, stereo FLAC at 48 kHz, written second by second."""
    with soundfile.SoundFile(path, "w", BED_RATE, 2, "PCM_16", format="FLAC") as file:
        for first in range(0, round(seconds * BED_RATE), BED_RATE):
            time = (first + np.arange(BED_RATE)) / BED_RATE
            sides = [0.03 * sum(np.sin(2 * np.pi * tone * time) for tone in chord) for chord in CHORDS]
            file.write(np.stack(sides, 1).astype(np.float32))


def _needs(tier: Tier, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    def share(of_168: int) -> int:
        return max(1, round(of_168 * count / 168))

    if tier == "fits":
        over = rng.uniform(1.0, 1.35, share(40))
        needs = np.concatenate([over, rng.uniform(0.45, 0.99, count - len(over))])
    else:
        top = rng.uniform(1.51, 2.0, share(26))
        top[0] = 2.07
        middle = rng.uniform(1.21, 1.5, share(52) - share(26))
        slight = rng.uniform(1.01, 1.2, share(80) - share(52))
        needs = np.concatenate([top, middle, slight, rng.uniform(0.4, 0.99, count - share(80))])
    rng.shuffle(needs)
    return needs


def _voice(line: Line, rng: np.random.Generator) -> Samples:
    """Harmonics of a wandering pitch, swelling as syllables do, with a little noise."""
    time = np.arange(int(line.natural * CLIP_RATE)) / CLIP_RATE
    pitch = (110 if line.speaker == "S1" else 190) * (1 + 0.08 * np.sin(2 * np.pi * 0.7 * time + rng.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch) / CLIP_RATE
    harmonics = sum(np.sin(number * phase) / number for number in range(1, 12))
    syllables = 0.15 + 0.85 * np.clip(np.sin(2 * np.pi * 2.2 * time + rng.uniform(0, 6)), 0, 1) ** 0.5
    sound = 0.12 * harmonics * syllables + 0.004 * rng.standard_normal(len(time))
    edge = np.arange(len(time))
    return np.asarray(sound * np.minimum(1, np.minimum(edge, edge[::-1]) / 480), np.float32)
