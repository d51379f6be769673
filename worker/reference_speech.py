"""Which of a speaker's own speech a clone is made from: the cleanest there is, 10 to 60 seconds of it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from shared.dubbing.transcript import Segment
from worker.engines.protocols import Samples

LEAST, MOST = 10.0, 60.0  # seconds of speech
SHORTEST = 1.0  # seconds of a line that is worth taking
FRAME = 0.02  # seconds
FAINT = -45.0  # dBFS: speech below this is mostly noise of the recording
CLEAN = 30.0  # dB between speech and what lies under it; more is no better
POOR = 10.0  # dB; less is taken only where there is not enough else
CLIPPED = 0.99
SILENCE = 1e-6


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line that only this speaker speaks in, in seconds of the file, with its `score` in dB."""

    start: float
    end: float
    score: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


def lines_alone(segments: Sequence[Segment], speaker: str) -> list[Segment]:
    """The speaker's lines during which nobody else speaks, long enough to be worth something."""
    others = [segment for segment in segments if segment.speaker != speaker]
    return [
        line
        for line in segments
        if line.speaker == speaker
        and line.end - line.start >= SHORTEST
        and not any(other.start < line.end and line.start < other.end for other in others)
    ]


def score(samples: Samples, rate: int) -> float:
    """How clean speech is (n,), in dB: how far it stands above what lies under it, less what is wrong with it.

    Speech has gaps; the level in them is that of music, noise and room. Faint and clipped speech loses.
    """
    frames = samples[: len(samples) // (step := round(FRAME * rate)) * step].reshape(-1, step)
    if not len(frames):
        return -np.inf
    levels = 10 * np.log10(np.mean(frames.astype(np.float64) ** 2, axis=1) + SILENCE**2)
    bed, speech = np.percentile(levels, (10, 90))
    clipped = 100 * float(np.mean(np.abs(samples) >= CLIPPED))
    return float(min(speech - bed, CLEAN) - max(0.0, FAINT - speech) - 10 * clipped)


def chosen(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The cleanest of them, MOST seconds at most, in order of time; none where there are less than LEAST.

    Poor ones are taken only as far as LEAST demands.
    """
    taken: list[Candidate] = []
    seconds = 0.0
    for candidate in sorted(candidates, key=lambda one: (-one.score, one.start)):
        enough = seconds >= LEAST and candidate.score < POOR
        if not enough and seconds + candidate.seconds <= MOST:
            taken.append(candidate)
            seconds += candidate.seconds
    return sorted(taken, key=lambda one: one.start) if seconds >= LEAST else []
