"""Whether the right number of speakers is found, and how pure each is, in dialogues of synthetic voices.

Who speaks is told from lines whose times are off by up to 50 ms, as a recogniser's are. Time-weighted purity is the
share of the speech that is its group's most frequent speaker's. `--fit` makes the model's constants anew, from eSpeak's
voices alone, so that flite's stay unseen. Nothing is asserted.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.gauge.table import setting, table
from bench.material.dialogue import BEDS, ESPEAK, FLITE, RATE, Dialogue, dialogue, say, under
from bench.material.talk import sentences
from worker.diarisation.clustering import grouped
from worker.diarisation.listeners import listener
from worker.diarisation.model import MODEL, traits_of
from worker.diarisation.voiceprint import Voiceprint
from worker.engines.protocols import Sound

HEAD = ("voices", "scenes", "number right", "purity", "purity, number given", "certain")
OFF = 0.05  # seconds
VARIANTS = ("", *(f"+f{n}" for n in range(1, 6)), *(f"+m{n}" for n in range(1, 9)), "+klatt", "+klatt2", "+klatt3")
ACCENTS = ("en-us", "en-gb-scotland")
LINES = 24  # of each voice and accent
DIMENSIONS = 14
# Living speakers vary more than synthetic ones, and most of all in pitch: the turns of a speech before a crowd lie five
# semitones apart. Without INTONATION it is two speakers when cut at its pauses.
LIVELIER = 3.0
INTONATION = 0.75  # semitones of standard deviation between a speaker's stretches, on top
SEMITONE = 10 / 12  # of a voiceprint's pitch as a trait
SHRUNK = 0.2  # of the covariance of so few speakers towards its diagonal


@dataclass(frozen=True)
class Judged:
    """One dialogue: how many speak, how many were found, and how pure they are."""

    voices: int
    found: int
    purity: float
    purity_given: float
    certain: bool


_ear = cache(listener)


def judged(scene: Dialogue, seed: int) -> Judged:
    """Tell the dialogue's speakers apart."""
    prints = _heard(scene, seed)
    free, given = grouped(prints), grouped(prints, len(scene.voices))
    return Judged(
        len(scene.voices), len(set(free.labels)), purity(scene, free.labels), purity(scene, given.labels), free.certain
    )


def purity(scene: Dialogue, labels: Sequence[int]) -> float:
    """Time-weighted."""
    seconds: dict[int, Counter[int]] = defaultdict(Counter)
    for label, line in zip(labels, scene.lines, strict=True):
        seconds[label][line.voice] += line.end - line.start  # type: ignore[assignment]  # a counter of seconds
    return sum(max(own.values()) for own in seconds.values()) / sum(own.total() for own in seconds.values())


def _heard(scene: Dialogue, seed: int) -> list[Voiceprint]:
    rng = np.random.default_rng([seed, 17])
    prints = []
    for line in scene.lines:
        start, end = (max(0, round((time + rng.uniform(-OFF, OFF)) * RATE)) for time in (line.start, line.end))
        prints.append(_ear()(Sound(scene.sound[start:end], RATE)))
    return prints


def scenes(count: int) -> str:
    """`count` dialogues as a table by the number of voices."""
    rows: dict[int, list[Judged]] = defaultdict(list)
    for seed in range(1, count + 1):
        pool = FLITE if seed % 2 else FLITE + ESPEAK
        voices = np.random.default_rng([seed, 18]).choice(pool, 1 + seed % 3, replace=False).tolist()
        one = judged(dialogue(seed, voices, BEDS[seed // 3 % 3]), seed)
        rows[one.voices].append(one)
    everything = [one for _, row in sorted(rows.items()) for one in row]
    named = [*((str(voices), row) for voices, row in sorted(rows.items())), ("all", everything)]
    return table("who speaks, told from recognised lines", HEAD, [_row(name, row) for name, row in named])


def _row(name: str, row: Sequence[Judged]) -> tuple[str, ...]:
    right = float(np.mean([one.found == one.voices for one in row]))
    free, given = (float(np.mean([getattr(one, key) for one in row])) for key in ("purity", "purity_given"))
    certain = float(np.mean([one.certain for one in row]))
    return (name, str(len(row)), f"{right:.0%}", f"{free:.3f}", f"{given:.3f}", f"{certain:.0%}")


def fit() -> None:
    """Write the model: within- and between-speaker covariance of eSpeak's voices, diagonalised together."""
    speakers = [
        np.array([_traits(f"espeak:{accent}{v}", n) for accent in ACCENTS for n in range(LINES)]) for v in VARIANTS
    ]
    means = np.array([own.mean(axis=0) for own in speakers])
    within = LIVELIER * np.mean([np.cov(own.T) for own in speakers], axis=0)
    within[-1, -1] += (INTONATION * SEMITONE) ** 2
    between = _shrunk(np.cov(means.T), SHRUNK)
    whitening = np.linalg.inv(np.linalg.cholesky(_shrunk(within, 0.1)))
    spread, turned = np.linalg.eigh(whitening @ between @ whitening.T)
    axes = (turned.T @ whitening)[::-1][:DIMENSIONS]
    constants = {"mean": means.mean(axis=0), "axes": axes, "spread": spread[::-1][:DIMENSIONS]}
    document = {name: np.round(values, 4).tolist() for name, values in constants.items()}
    MODEL.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _traits(voice: str, number: int) -> list[float]:
    """Of one line of the voice, some of it cut off, over one of the beds."""
    rng = np.random.default_rng([number, len(voice)])
    spoken = say(voice, sentences(LINES, 77)[number][1])
    if rng.random() < 0.3:
        spoken = spoken[: int(len(spoken) * rng.uniform(0.4, 0.8))]
    return traits_of(_ear()(Sound(spoken + under(BEDS[number % 3], len(spoken), rng), RATE)))


def _shrunk(covariance: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    return np.asarray((1 - share) * covariance + share * np.diag(np.diag(covariance)))


def main() -> None:
    """Measure and print; first make the constants where that is asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.diarisation", description=__doc__)
    parser.add_argument("--scenes", type=int, default=90, help="default: %(default)s")
    parser.add_argument("--fit", action="store_true", help="make worker/diarisation/model.json anew")
    arguments = parser.parse_args()
    if arguments.fit:
        fit()
    print(setting(1, ("librosa", "numpy")), flush=True)
    print(scenes(arguments.scenes))


if __name__ == "__main__":
    main()
