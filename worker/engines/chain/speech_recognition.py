"""Recognisers as one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean

import langcodes

from shared.config import Settings
from shared.errors import PermanentError, PipelineError, TransientError
from worker.engines.chain.chain import Chain, gave_up, label_of, waited_for, worst
from worker.engines.errors import LeftAloneError, malformed
from worker.engines.protocols import Piece, Recognised, SpeechRecogniser
from worker.engines.retry import Attempts

# Sound that was handed to an engine and has no answer yet is kept in memory, to be tried again: at most so much of it
# (seconds; 16 kHz is 64 KB a second) before what met trouble is seen to first.
MOST_UNANSWERED = 2400.0


class SpeechRecognitionChain(Chain[SpeechRecogniser]):
    """A SpeechRecogniser for all languages that some engine recognises."""

    def __init__(self, engines: Sequence[SpeechRecogniser], settings: Settings) -> None:
        super().__init__(engines, settings)
        self.languages = frozenset[str]().union(*(engine.languages for engine in engines))
        self.detects_language = any(engine.detects_language for engine in engines)
        self.longest_piece = min(engine.longest_piece for engine in engines)
        self.diarises = all(engine.diarises for engine in engines)
        self.doubtful_below = engines[0].doubtful_below

    def doubts(self, heard: Iterable[Recognised]) -> bool:
        """Whether some engine was unsure of what it heard, by its own measure."""
        bounds = {label_of(engine): engine.doubtful_below for engine in self.engines}
        sure: dict[str, list[float]] = {}
        for one in heard:
            sure.setdefault(one.engine, []).extend(word.confidence for word in one.words)
        return any(
            confidences and fmean(confidences) < bound
            for who, confidences in sure.items()
            if (bound := bounds.get(who)) is not None
        )

    def recognise(self, pieces: Iterable[Piece], language: str | None) -> Iterator[Recognised]:
        """As SpeechRecogniser has it, with who heard each piece. Raises also PermanentError `language_not_recognised`.

        Each engine passes over all pieces, then over those that met trouble; what is left goes to the next.
        """
        tray = _Tray(pieces)
        while not tray.empty:
            met: list[PipelineError] = []
            serving = self._serving(language)
            for number, engine in enumerate(serving, 1):
                yield from self._passes(engine, tray, language, met, last=number == len(serving))
                if tray.answered:
                    break
            else:
                raise worst(met)

    def _serving(self, language: str | None) -> list[SpeechRecogniser]:
        serving = [
            engine
            for engine in self.engines
            if (engine.detects_language if language is None else _recognises(engine, language))
        ]
        if not serving:
            wish = "tells the language by itself" if language is None else f"recognises {language}"
            raise PermanentError("language_not_recognised", f"No engine {wish}. Give a transcript instead.")
        return serving

    def _passes(
        self, engine: SpeechRecogniser, tray: "_Tray", language: str | None, met: list[PipelineError], *, last: bool
    ) -> Iterator[Recognised]:
        """What `engine` hears, pass by pass, until the tray is answered or patience used up; that goes to `met`."""
        attempts: Attempts | None = None
        while True:
            try:
                for one in engine.recognise(tray.handed_out(), language):
                    tray.answer(one.index)
                    yield replace(one, engine=label_of(engine))
                if tray.answered:
                    return
                raise malformed(engine.name, "it says nothing of some pieces")
            except PipelineError as error:
                trouble = waited_for(error) if last and isinstance(error, LeftAloneError) else error
                if not self.passes_on(trouble):
                    raise
                attempts = attempts or Attempts(self.patience)
                if _given_up(attempts, trouble):
                    met.append(trouble)
                    gave_up(engine, trouble)
                    return


def _recognises(engine: SpeechRecogniser, language: str) -> bool:
    return language in engine.languages or langcodes.get(language).language in engine.languages


def _given_up(attempts: Attempts, trouble: PipelineError) -> bool:
    """Wait for the next pass, if there is to be one."""
    if not isinstance(trouble, TransientError):
        return True
    try:
        attempts.wait_after(trouble)
    except TransientError:
        return True
    return False


class _Tray:
    """Pieces on their way: handed out until they are answered, those without an answer first."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._coming = iter(pieces)
        self._unanswered: dict[int, Piece] = {}
        self._ahead: Piece | None = None
        self._look()

    @property
    def empty(self) -> bool:
        """Nothing is left to be answered, nor to come."""
        return self.answered and self._ahead is None

    @property
    def answered(self) -> bool:
        """All that was handed out has its answer."""
        return not self._unanswered

    def answer(self, index: int) -> None:
        """This piece is done."""
        self._unanswered.pop(index, None)

    def handed_out(self) -> Iterator[Piece]:
        """What has no answer yet, then what comes, while not too much waits for one."""
        yield from list(self._unanswered.values())
        while self._ahead is not None and self._waiting() < MOST_UNANSWERED:
            piece = self._ahead
            self._unanswered[piece.index] = piece
            self._look()
            yield piece

    def _waiting(self) -> float:
        return sum(piece.sound.seconds for piece in list(self._unanswered.values()))

    def _look(self) -> None:
        self._ahead = next(self._coming, None)
