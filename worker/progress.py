"""Where a job is: written to its row as the stages go on, and what each stage took, to learn from."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared import log
from shared.errors import LeaseLostError
from worker.forecast import CLOSING_STAGES, LANGUAGE_STAGES, SHARED_STAGES, Forecast, Position

logger = log.get(__name__)

SHORTEST_INTERVAL_SECONDS = 1.0
READY = Position(LANGUAGE_STAGES[-1], 1.0)


@dataclass(frozen=True)
class Report:
    """What is written: the job's stage and progress (0 to 1), the seconds it will go on, and one language's own.

    With several languages under way the job's stage is that of the language furthest behind.
    """

    stage: str
    progress: float
    remaining_seconds: float
    dub: tuple[str, str, float] | None


Write = Callable[[Report], None]
# Gets the stage, the engine (`name/model`) and how long it took in seconds.
Learn = Callable[[str, str, float], None]


class Step:
    """One stage under way."""

    def __init__(self, progress: "Progress", stage: str, language: str | None) -> None:
        self.stage = stage
        self.language = language
        self.began = time.monotonic()
        self._progress = progress
        self._fraction = 0.0
        self._written = float("-inf")
        self._engine: str | None = None

    def at(self, fraction: float) -> None:
        """The stage is `fraction` (0 to 1) done; it never goes back. Raises LeaseLostError."""
        self._fraction = min(1.0, max(self._fraction, fraction))
        now = time.monotonic()
        position = Position(self.stage, self._fraction, now - self.began)
        written = now - self._written >= SHORTEST_INTERVAL_SECONDS
        self._written = now if written else self._written
        self._progress.moved(self.language, position, written=written)

    def ran(self, engine: str = "", *, whole: bool = True) -> None:
        """The stage did its work here and now, by `engine`; not `whole` when checkpoints served some of it."""
        self._engine = engine if whole else None

    def end(self) -> None:
        """The stage is over."""
        self.at(1.0)
        if self._engine is not None:
            self._progress.learn(self.stage, self._engine, time.monotonic() - self.began)


class Progress:
    """Writes a Report when a stage begins, and from each stage at most once a second. For several threads."""

    def __init__(self, write: Write, learn: Learn, forecast: Forecast) -> None:
        self.learn = learn
        self._write = write
        self._forecast = forecast
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._shared: Position | None = None
        self._languages: dict[str, Position] = {}
        self._closing: Position | None = None

    @contextmanager
    def stage(self, stage: str, language: str | None = None) -> Iterator[Step]:
        """A stage, from here to the end of the block. Raises LeaseLostError."""
        log.bind(stage=stage)
        logger.info("stage begins", **({"language": language} if language else {}))
        step = Step(self, stage, language)
        step.at(0.0)
        yield step
        step.end()

    def stop(self) -> None:
        """The lease is lost: whatever reports next, in any thread, raises LeaseLostError."""
        self._stopped.set()

    def over(self, language: str) -> None:
        """Nothing more is done for this language: it is ready, it failed, or an earlier attempt saw to it."""
        with self._lock:
            self._languages[language] = READY

    def moved(self, language: str | None, position: Position, *, written: bool) -> None:
        """Remember where a language, or a stage of the whole job, is, and write it if it is to be `written`."""
        if self._stopped.is_set():
            raise LeaseLostError("another language of the job noticed it")
        with self._lock:
            if position.stage in CLOSING_STAGES:
                self._closing = position
            elif language is None:
                self._shared = position
            else:
                self._shared = Position(SHARED_STAGES[-1], 1.0)
                self._languages[language] = position
            report = self._report(language, position) if written else None
        if report is not None:
            self._write(report)

    def _report(self, language: str | None, position: Position) -> Report:
        forecast, under_way = self._forecast, {k: v for k, v in self._languages.items() if v is not READY}
        behind = min(under_way, key=lambda name: forecast.of_language(name, under_way[name]), default=None)
        stage = under_way[behind].stage if behind else position.stage
        dub = (language, position.stage, forecast.of_language(language, position)) if language else None
        return Report(
            stage,
            forecast.progress(self._shared, self._languages, self._closing),
            forecast.remaining(self._shared, self._languages, self._closing),
            dub,
        )
