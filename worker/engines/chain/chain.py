"""What all chains share: who is asked, how long, and when the next one is."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from shared import log
from shared.config import Settings
from shared.errors import PipelineError, TransientError
from worker.engines.errors import LeftAloneError
from worker.engines.retry import Patience, with_retries

logger = log.get(__name__)

# Troubles with what engines have kept on the way: they say nothing about the engine.
OURS = frozenset({"storage_unavailable", "artifact_missing"})


class Named(Protocol):
    """Any engine."""

    name: str
    model: str


Engine = TypeVar("Engine", bound=Named)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Done(Generic[Engine, Result]):
    """A result, whose it is, and the codes with which others passed it on."""

    result: Result
    engine: Engine
    passed: tuple[str, ...] = ()


class Chain(Generic[Engine]):
    """Engines of one slot, in order of preference."""

    def __init__(self, engines: Sequence[Engine], settings: Settings) -> None:
        self.engines = tuple(engines)
        self.name = ",".join(engine.name for engine in engines)
        self.model = ",".join(engine.model for engine in engines)
        self.label = ", ".join(map(label_of, engines))
        self.patience = Patience(
            settings.engine_attempts, settings.engine_patience_seconds, settings.engine_first_wait_seconds
        )
        self._passed_on = {"provider_refused_key"}
        if settings.content_refused == "fallback":
            self._passed_on.add("content_refused")

    def first(self, candidates: Sequence[Engine], ask: Callable[[Engine], Result]) -> Done[Engine, Result]:
        """The result of the first of `candidates` that gives one.

        Each is asked with patience; the next one when that is used up, when it is out of quota or left alone, refuses
        our key, or the content (where that is to fall back). Raises PermanentError, or the TransientError that was
        met first: the job's next attempt may find that engine well again.
        """
        met: list[PipelineError] = []
        for number, engine in enumerate(candidates, 1):
            try:
                result = self._asked(engine, ask, last=number == len(candidates))
                return Done(result, engine, tuple(error.code for error in met))
            except PipelineError as error:
                if not self.passes_on(error):
                    raise
                met.append(error)
                gave_up(engine, error)
        raise worst(met)

    def passes_on(self, error: PipelineError) -> bool:
        """Whether the next engine is to try; not for what our own store does wrong."""
        if error.code in OURS:
            return False
        return isinstance(error, TransientError) or error.code in self._passed_on

    def _asked(self, engine: Engine, ask: Callable[[Engine], Result], *, last: bool) -> Result:
        def attempt() -> Result:
            try:
                return ask(engine)
            except LeftAloneError as error:
                raise waited_for(error) if last else error from error

        return with_retries(attempt, self.patience)


def waited_for(error: LeftAloneError) -> TransientError:
    """The same trouble of an engine that nobody stands in for: it is worth the wait."""
    return TransientError(error.code, error.message, error.retry_after)


def worst(met: Sequence[PipelineError]) -> PipelineError:
    """What to raise when all gave up: what may pass, before what will not."""
    passing = [error for error in met if isinstance(error, TransientError)]
    return passing[0] if passing else met[0]


def gave_up(engine: Named, error: PipelineError) -> None:
    """Say in the log who handed over, and why."""
    logger.warning("engine gave up", engine=label_of(engine), code=error.code, message=error.message)


def label_of(engine: Named) -> str:
    """Engine and model, as reports and fingerprints name them."""
    return f"{engine.name}/{engine.model}"


def who(labels: Iterable[str]) -> str:
    """All of `labels`, each once, as a report names them."""
    return ", ".join(dict.fromkeys(labels))
