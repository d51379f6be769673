"""What is known about voices in general: how much speakers differ, and how much one speaker's stretches do.

A two-covariance model (Brümmer and de Villiers, 2010): a speaker's mean is drawn from N(µ, B), a stretch of theirs from
N(mean, W). `bench.diarisation --fit` makes the constants in model.json from many synthetic voices, alone, over noise
and over music, with W widened for living speakers, who vary more than synthetic ones.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from worker.diarisation.voiceprint import Voiceprint

MODEL = Path(__file__).with_name("model.json")
HALF_SURE = 60.0  # frames; of that many loud frames the phonemes' own differences make half of the variance
SURENESS = 1.3
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """`axes` (dimensions, traits) turn traits less `mean` into coordinates in which W is 1 and B is `spread`."""

    mean: Array
    axes: Array
    spread: Array

    def coordinates(self, prints: Sequence[Voiceprint]) -> Array:
        """Where each voiceprint lies (n, dimensions)."""
        traits = np.array([traits_of(one) for one in prints]).reshape(len(prints), len(self.mean))
        return np.asarray((np.where(np.isnan(traits), self.mean, traits) - self.mean) @ self.axes.T)


@cache
def model() -> Model:
    """The constants."""
    document = json.loads(MODEL.read_text(encoding="utf-8"))
    return Model(*(np.array(document[name]) for name in ("mean", "axes", "spread")))


def traits_of(one: Voiceprint) -> list[float]:
    """The voiceprint as numbers of like size; NaN for no pitch."""
    pitch = np.log2(one.pitch) if one.pitch else np.nan
    return [*(value / 10 for value in one.cepstrum), float(10 * pitch)]


def precision(prints: Sequence[Voiceprint]) -> Array:
    """How much each voiceprint says, by its loud frames: 0 to SURENESS."""
    frames = np.array([one.frames for one in prints], float)
    return np.asarray(SURENESS * frames / (frames + HALF_SURE))
