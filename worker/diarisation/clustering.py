"""Voiceprints into speakers: merged while one speaker explains two groups better than two do. Pure.

Agglomerative clustering by the exact log likelihood ratio of the two-covariance model (worker/diarisation/model.py),
then resegmentation by Viterbi, for neighbours are mostly the same speaker's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from worker.diarisation.model import Array, model, precision
from worker.diarisation.voiceprint import Voiceprint

MOST_SPEAKERS = 20
MOST_SEEDS = 400  # voiceprints that make the clusters; the others only join them
MOST_EVIDENCE = 60.0  # voiceprints' worth; stretches of one file are no independent draws, so more say no more
DOUBT = 1.5  # nats around even odds; closer ones share a voice
SURE = 8.0  # nats; a living speaker over noise was two by 5.7, and two of 20 dialogues have voices nearer than this
SWITCH = 1.0  # nats that a change of speaker from one stretch to the next costs
PASSES = 5  # of resegmentation; it rarely takes three


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which speaker each voiceprint is of, numbered from 0 in order of appearance; whether that is beyond doubt."""

    labels: tuple[int, ...]
    certain: bool


def grouped(prints: Sequence[Voiceprint], count: int | None = None) -> Grouping:
    """The speakers of `prints`, which are in order of time; `count` of them where that is known.

    Speakers that are not told apart beyond doubt are one, and then it is not certain; nor is it where two are only just
    told apart.
    """
    points, weights = model().coordinates(prints), _tempered(precision(prints))
    seeds = np.sort(np.argsort(-weights, kind="stable")[:MOST_SEEDS])
    if not weights[seeds].any():
        return Grouping((0,) * len(prints), certain=not prints or count == 1)
    clusters = _Clusters(points[seeds], weights[seeds])
    clusters.merge(count)
    labels = _resegmented(points, weights, clusters.centres())
    return Grouping(_in_order(labels), clusters.certain or count is not None)


class _Clusters:
    """Groups of voiceprints as sums: of their weights (n,), and of their weighted coordinates (n, dimensions)."""

    def __init__(self, points: Array, weights: Array) -> None:
        self.weights = weights.copy()
        self.sums = points * weights[:, None]
        self.certain = True

    def merge(self, count: int | None) -> None:
        """Merge the likeliest pair until two speakers explain each better, or `count` are left."""
        gains = np.array([self._gains(index) for index in range(len(self.weights))])
        np.fill_diagonal(gains, -np.inf)
        while len(self.weights) > (count or 1):
            left, right = sorted(divmod(int(np.argmax(gains)), len(gains)))
            gain = gains[left, right]
            if count is None and gain < -DOUBT and len(self.weights) <= MOST_SPEAKERS:
                self.certain &= bool(gain < -SURE)
                break
            self.certain &= bool(gain > DOUBT) or len(self.weights) > MOST_SPEAKERS or self._slight(left, right)
            gains = self._merged(gains, left, right)

    def _merged(self, gains: Array, left: int, right: int) -> Array:
        self.weights[left] += self.weights[right]
        self.sums[left] += self.sums[right]
        self.weights, self.sums = np.delete(self.weights, right), np.delete(self.sums, right, axis=0)
        gains = np.delete(np.delete(gains, right, axis=0), right, axis=1)
        gains[left] = gains[:, left] = self._gains(left)
        gains[left, left] = -np.inf
        return np.asarray(gains)

    def _slight(self, left: int, right: int) -> bool:
        """One of them says so little that nothing could be certain of it."""
        return bool(min(self.weights[left], self.weights[right]) < 0.5)

    def _gains(self, index: int) -> Array:
        """The log likelihood ratio of being one speaker with `index`, for each cluster."""
        together = _evidence(self.weights + self.weights[index], self.sums + self.sums[index])
        alone = _evidence(self.weights, self.sums)
        return np.asarray(together - alone - alone[index])

    def centres(self) -> Array:
        """Each speaker's most likely mean (n, dimensions)."""
        return np.asarray(self.sums / (self.weights[:, None] + 1 / model().spread))


def _evidence(weights: Array, sums: Array) -> Array:
    """The log likelihood of each cluster as one speaker's, less what does not depend on the clustering."""
    spread = model().spread
    posterior = 1 / spread + weights[:, None]
    return np.asarray(0.5 * np.sum(sums**2 / posterior - np.log(spread * posterior), axis=1))


def _tempered(weights: Array) -> Array:
    return np.asarray(weights * min(1.0, MOST_EVIDENCE / max(weights.sum(), 1e-9)))


def _resegmented(points: Array, weights: Array, centres: Array) -> Array:
    labels = np.zeros(len(points), int)
    for _ in range(PASSES):
        distances = np.sum((points[:, None] - centres[None]) ** 2, axis=2)
        before, labels = labels, _viterbi(-0.5 * weights[:, None] * distances)
        if np.array_equal(before, labels):
            break
        own = [labels == number for number in range(len(centres))]
        sums = np.array([(weights[mine, None] * points[mine]).sum(axis=0) for mine in own])
        centres = sums / (np.array([weights[mine].sum() for mine in own])[:, None] + 1 / model().spread)
    return labels


def _viterbi(scores: Array) -> Array:
    """The best path through `scores` (n, speakers) where each change costs SWITCH."""
    best = scores[0].copy()
    came = np.zeros(scores.shape, int)
    for number in range(1, len(scores)):
        leader = int(np.argmax(best))
        stays = best >= best[leader] - SWITCH
        came[number] = np.where(stays, np.arange(scores.shape[1]), leader)
        best = np.where(stays, best, best[leader] - SWITCH) + scores[number]
    path = [int(np.argmax(best))]
    for number in range(len(scores) - 1, 0, -1):
        path.append(int(came[number, path[-1]]))
    return np.array(path[::-1])


def _in_order(labels: Array) -> tuple[int, ...]:
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels.tolist()))}
    return tuple(numbers[label] for label in labels.tolist())
