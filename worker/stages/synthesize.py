"""synthesize: each line in its speaker's voice, spoken as soon as it is known, several at once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple, Self, TypeVar

from shared.dubbing.transcript import Segment
from worker.engines import chain
from worker.engines.chain import who
from worker.engines.protocols import SpeechContext
from worker.stages.clone import Clones
from worker.stages.extract import Extracted
from worker.stages.fit import fitting
from worker.stages.paces import learn_paces
from worker.stages.speech import Speech, SpokenLine
from worker.stages.transcribe import Heard
from worker.stages.translate import Translation
from worker.voices import cast, demand_offered
from worker.work import Work

Made = TypeVar("Made")

SAME_BREATH = 3.0  # seconds between lines that are said as one


@dataclass(frozen=True)
class Spoken:
    """All lines of one language, and which engine spoke them."""

    lines: tuple[SpokenLine, ...]
    engine: str
    warnings: tuple[str, ...] = ()


def synthesize(work: Work, language: str, translation: Translation, speaking: "Speaking") -> Spoken:
    """Speak the translation, several lines at once, each in words that fit its time where there are such words.

    `speaking` has begun with what was translated first. Raises PermanentError `no_voice`, `voice_not_found`.
    """
    with work.progress.stage("synthesize", language) as step:
        lines = []
        for spoken in speaking.lines(translation):
            lines.append(spoken)
            step.at(len(lines) / len(translation.lines))
        step.ran(speaking.label, whole=not speaking.found and bool(lines))
    warnings = speaking.over()
    return Spoken(tuple(lines), who(line.engine for line in lines if line.engine) or speaking.label, warnings)


class Speaking:
    """One language's lines being spoken, each from when it and the next one are known: speech need not wait for the
    last line's translation. At the end of the block what is under way is waited for, and nothing more begun.

    `found`: an earlier attempt had spoken some.
    """

    def __init__(self, work: Work, language: str, sound: Extracted, heard: Heard, clones: Clones) -> None:
        self.found = False
        self._work, self._language, self._sound, self._heard, self._clones = work, language, sound, heard, clones
        self._synthesiser = chain.speech_synthesis(work.settings)
        self._pool = ThreadPoolExecutor(max(1, self._synthesiser.parallel_lines))
        self._known: list[Segment] = []
        self._spoken: list[Future[SpokenLine]] = []
        self._prepared: Future[_Prepared] | None = None

    def __enter__(self) -> Self:
        if self._language not in self._work.request.translations:
            self._begin(self._source)  # whose voices there are can be asked while the first lines are translated
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def label(self) -> str:
        """The engines that may speak."""
        return self._synthesiser.label

    def begin(self, lines: Sequence[Segment]) -> None:
        """These lines are translated, and follow those that were. Their times are the source's."""
        self._speak(lines, self._source, last=False)

    def lines(self, translation: Translation) -> Iterator[SpokenLine]:
        """All lines of the translation as they are spoken, in order. Raises what speaking them raises."""
        self._speak(translation.lines[len(self._known) :], translation, last=True)
        for future in self._spoken:
            yield future.result()

    def over(self) -> tuple[str, ...]:
        """All is spoken: learn from it, and tell what a person should know."""
        assert self._prepared is not None
        prepared = self._prepared.result()
        learn_paces(self._work, self._language, prepared.speech.measured)
        return prepared.warnings

    def _speak(self, lines: Sequence[Segment], frame: Translation, *, last: bool) -> None:
        self._begin(frame)
        self._known += lines
        until = len(self._known) if last else len(self._known) - 1
        coming, told = self._known[len(self._spoken) : until], neighbours(self._known)
        if coming:
            looked_up = self._submit(lambda: self._look_up(coming))
            self._spoken += [self._submit(partial(self._line, line, told[line.id], looked_up)) for line in coming]

    @property
    def _source(self) -> Translation:
        """The lines as they are before anybody translated them: who speaks them, and when."""
        return Translation(self._heard.transcript.segments, "")

    def _begin(self, frame: Translation) -> None:
        if self._prepared is None:
            self._prepared = self._submit(lambda: self._prepare(frame))

    def _prepare(self, frame: Translation) -> "_Prepared":
        """Who speaks for whom, and how long each line of `frame` may take."""
        wished = self._work.request.wished_voices(self._language)
        voices = self._synthesiser.voices_for(self._language, wished)
        demand_offered(frame.speakers, wished, voices)
        own = self._clones.own(self._language, frame.speakers)
        chosen = {**cast(frame.speakers, self._language, voices, wished, self._heard.pitches), **own.keys}
        fits = fitting(self._work, self._language, self._sound, self._heard, frame)
        speech = Speech(self._work, self._synthesiser, self._clones, chosen, fits)
        return _Prepared(speech, ("clone_too_little_speech",) if own.too_little else ())

    def _look_up(self, lines: Sequence[Segment]) -> None:
        assert self._prepared is not None
        if self._prepared.result().speech.look_up(lines):
            self.found = True

    def _line(self, line: Segment, context: SpeechContext, looked_up: "Future[None]") -> SpokenLine:
        assert self._prepared is not None
        looked_up.result()
        return self._prepared.result().speech.line(line, context)

    def _submit(self, work: Callable[[], Made]) -> "Future[Made]":
        return self._pool.submit(copy_context().run, work)


class _Prepared(NamedTuple):
    speech: Speech
    warnings: tuple[str, ...]


def neighbours(lines: Sequence[Segment]) -> dict[int, SpeechContext]:
    """What each line's speaker says just before and after it, by line; not across another's turn or a long pause."""
    told = {line.id: SpeechContext() for line in lines}
    for earlier, later in pairwise(lines):
        if earlier.speaker == later.speaker and later.start - earlier.end <= SAME_BREATH:
            told[earlier.id] = replace(told[earlier.id], next_text=later.text)
            told[later.id] = replace(told[later.id], previous_text=earlier.text)
    return told
