"""How far a job is and how long it will go on, from how fast its stages have been. Pure; seconds of wall time.

All languages pass the shared stages once; then so many of them run side by side, each in a lane; then come the closing
stages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

SHARED_STAGES = ("fetch", "excerpt", "extract", "separate", "transcribe")
LANGUAGE_STAGES = ("translate", "synthesize", "slow", "align", "mix", "mux", "listen", "publish")
# What follows when every language is over.
CLOSING_STAGES = ("assemble",)
GIVEN = "given"

# Seconds for each second of sound where nothing is learned yet: the offline engines on two cores, in
# docs/measurements/pipeline.md. `given`: with a transcript or a translation that came with the job.
DEFAULTS = {
    "fetch": 0.0005, "excerpt": 0.05, "extract": 0.0054, "separate": 0.0005, "transcribe": 0.41, "translate": 0.002,
    "synthesize": 0.05, "slow": 0.05, "align": 0.0035, "mix": 0.05, "mux": 0.006, "publish": 0.008,
    "assemble": 0.014,
}  # fmt: skip
GIVEN_DEFAULTS = {"transcribe": 0.046, "translate": 0.0}
# From here on what a stage has done so far says more about its pace than what earlier jobs took.
OWN_PACE_FROM = 0.1


class Position(NamedTuple):
    """Where the work is: `fraction` (0 to 1) of `stage` done, in `elapsed` seconds."""

    stage: str
    fraction: float
    elapsed: float = 0.0


def expected(stage: str, engine: str, seconds: float, speeds: Mapping[tuple[str, str], float]) -> float:
    """How long `stage` by `engine` takes for `seconds` of sound."""
    default = GIVEN_DEFAULTS.get(stage, DEFAULTS[stage]) if engine.startswith(GIVEN) else DEFAULTS[stage]
    return seconds * speeds.get((stage, engine), default)


@dataclass(frozen=True)
class Forecast:
    """The seconds that each stage is expected to take, in order, and how many languages run side by side."""

    shared: Mapping[str, float]
    languages: Mapping[str, Mapping[str, float]]
    lanes: int = 1
    closing: Mapping[str, float] = field(default_factory=dict)

    def of_language(self, language: str, at: Position | None) -> float:
        """Progress of one language's own work, 0 to 1; None: not begun."""
        return _done(self.languages[language], at) / max(_total(self.languages[language]), 1e-9)

    def progress(
        self, shared: Position | None, languages: Mapping[str, Position], closing: Position | None = None
    ) -> float:
        """Progress of the whole job, 0 to 1: where each language that has begun is, and the stages around them."""
        lanes = max(1, self.lanes)
        around = _total(self.shared) + _total(self.closing)
        whole = around + sum(map(_total, self.languages.values())) / lanes
        done = sum(_done(stages, languages.get(name)) for name, stages in self.languages.items()) / lanes
        done += _done(self.shared, shared) + _done(self.closing, closing)
        return min(1.0, done / max(whole, 1e-9))

    def remaining(
        self, shared: Position | None, languages: Mapping[str, Position], closing: Position | None = None
    ) -> float:
        """Seconds until all is ready. The languages that run go on, the others take the lanes that get free."""
        begun = [_left(stages, languages[name]) for name, stages in self.languages.items() if name in languages]
        waiting = [_total(stages) for name, stages in self.languages.items() if name not in languages]
        around = _left(self.shared, shared) + _left(self.closing, closing)
        return around + _packed([*begun, *waiting], self.lanes)


def _packed(lengths: Iterable[float], lanes: int) -> float:
    """When the last is over, if each begins in the lane that is free first."""
    busy = [0.0] * max(1, lanes)
    for length in lengths:
        busy[busy.index(min(busy))] += length
    return max(busy)


def _done(stages: Mapping[str, float], at: Position | None) -> float:
    if at is None:
        return 0.0
    names = list(stages)
    return sum(stages[name] for name in names[: names.index(at.stage)]) + stages[at.stage] * at.fraction


def _left(stages: Mapping[str, float], at: Position | None) -> float:
    if at is None:
        return _total(stages)
    names = list(stages)
    after = sum(stages[name] for name in names[names.index(at.stage) + 1 :])
    if at.fraction >= OWN_PACE_FROM:
        return after + at.elapsed * (1 - at.fraction) / at.fraction
    return after + max(0.0, stages[at.stage] * (1 - at.fraction))


def _total(stages: Mapping[str, float]) -> float:
    return sum(stages.values())
