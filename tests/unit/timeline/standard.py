"""The standard lines of dub assembly: seeded, with onsets, source lengths and needs drawn from fixed distributions.

need = natural / (next onset − onset − guard). `fits` has no need above 1.35; `overfull` has 26 above 1.5, up to 2.07.
"""

import numpy as np

from worker.timeline import Limits, Line

GUARD = 0.05


def _needs(tier, count, rng):
    def share(of_168):
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


def lines_of(tier, seed, minutes=10.0):
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
