"""How far a job is: each stage's share of the whole, learned from a run of the offline engines."""

import time
from collections.abc import Callable

from shared import log

logger = log.get(__name__)

# Shares of the time that a job of one language takes (docs/measurements/pipeline.md), between those with a transcript
# and those without; the languages' part is divided among them.
SHARED_STAGES = {"fetch": 0.01, "extract": 0.04, "separate": 0.01, "transcribe": 0.36}
LANGUAGE_STAGES = {"translate": 0.03, "synthesize": 0.22, "align": 0.03, "mix": 0.24, "mux": 0.03, "publish": 0.03}
SHORTEST_INTERVAL_SECONDS = 1.0

# Gets the stage, the job's progress and, in a language's stage, the language and its own progress.
Write = Callable[[str, float, tuple[str, float] | None], None]


def overall(stage: str, fraction: float, position: int = 0, languages: int = 1) -> float:
    """Progress of the whole job, 0 to 1: `fraction` of `stage`, in the language at `position` of `languages`."""
    if stage in SHARED_STAGES:
        return _before(SHARED_STAGES, stage) + SHARED_STAGES[stage] * fraction
    share = sum(SHARED_STAGES.values())
    return share + (1 - share) / languages * (position + of_language(stage, fraction))


def of_language(stage: str, fraction: float) -> float:
    """Progress of one language's own work, 0 to 1."""
    done = _before(LANGUAGE_STAGES, stage) + LANGUAGE_STAGES[stage] * fraction
    return done / sum(LANGUAGE_STAGES.values())


def _before(stages: dict[str, float], stage: str) -> float:
    names = list(stages)
    return sum(stages[name] for name in names[: names.index(stage)])


class Progress:
    """Writes progress to the job's row: at once when a stage begins, else at most once a second."""

    def __init__(self, write: Write, languages: tuple[str, ...]) -> None:
        self._write = write
        self._languages = languages
        self._stage = ""
        self._language: str | None = None
        self._written = 0.0

    def begin(self, stage: str, language: str | None = None) -> None:
        """A stage begins."""
        log.bind(stage=stage)
        logger.info("stage begins")
        self._stage, self._language, self._written = stage, language, 0.0
        self.at(0.0)

    def at(self, fraction: float) -> None:
        """The stage is `fraction` (0 to 1) done."""
        now = time.monotonic()
        if now - self._written < SHORTEST_INTERVAL_SECONDS:
            return
        self._written = now
        position = self._languages.index(self._language) if self._language else 0
        dub = (self._language, of_language(self._stage, fraction)) if self._language else None
        self._write(self._stage, overall(self._stage, fraction, position, len(self._languages)), dub)
