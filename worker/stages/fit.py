"""fit: the words of a line for the time it has, before anybody speaks them and once more when they were spoken.

Each decision is a checkpoint: what is learned about voices meanwhile changes no line that was decided.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from shared.dubbing.paces import Said
from shared.dubbing.transcript import Segment
from worker import glossary
from worker.artifacts import Artifact, Facts, Recipe
from worker.engines import chain
from worker.engines.protocols import SourceLine, TranslationContext
from worker.fitting.pace import characters, letters, pace_of, seconds
from worker.fitting.room import SPEED, is_over, rooms
from worker.forecast import GIVEN
from worker.stages.extract import Extracted
from worker.stages.paces import known_paces
from worker.stages.rewording import Rewording, Wording
from worker.stages.transcribe import Heard
from worker.stages.translate import Translation
from worker.timeline.warp import SLOWEST
from worker.voices import DEFAULT
from worker.work import Work

VERSION = 1


@dataclass(frozen=True)
class Fitting:
    """One language's lines, the seconds that each has (`room`, by id), what is known of the voices.

    `sources` are the lines that were translated, by id. Without a `rewording` the words are somebody's own and stay as
    they are. `translator` names who shortens. For several threads.
    """

    work: Work
    language: str
    room: Mapping[int, float]
    known: Mapping[str, Said]
    sources: Mapping[int, Segment]
    rewording: Rewording | None
    translator: str | None

    def recipe(self, line: Segment, voice_id: str) -> Recipe:
        """The decision about a line before it is spoken."""
        return self._recipe(line, voice_id, line.text, None)

    def foreseen(self, line: Segment, voice_id: str, decided: Artifact | None, *, spoken: bool) -> Wording:
        """The words for a line before it is spoken; `decided` if an earlier attempt has.

        What was `spoken` by an earlier attempt needs no forecast: it is measured.
        """
        if decided is not None:
            return _wording(decided)
        pace = pace_of(voice_id, self.known)
        if spoken or not self.is_over(line, seconds(line.text, pace)):
            return Wording(line.text)
        return self._decide(self.recipe(line, voice_id), line, line.text, pace)

    def measured(self, line: Segment, voice_id: str, text: str, taken: float) -> Wording:
        """The words for a line whose `text` took that many seconds to say."""
        if not self.is_over(line, taken):
            return Wording(text)
        return self._decide(self._recipe(line, voice_id, text, taken), line, text, letters(text) / taken)

    def is_over(self, line: Segment, taken: float) -> bool:
        """Whether that many seconds are too many for the line."""
        return is_over(taken, self.room[line.id])

    def _recipe(self, line: Segment, voice_id: str, text: str, taken: float | None) -> Recipe:
        context = self._context(line)
        options = {
            "glossary": dict(context.glossary),
            "register": dict(context.register),
            "source": self.sources[line.id].text if self.rewording else None,
            "text": text,
            "room": round(self.room[line.id], 2),
            "voice": voice_id,
            "language": self.language,
            "taken": None if taken is None else round(taken, 2),
        }
        return Recipe("fit.line", VERSION, (), options, self.translator)

    def _context(self, line: Segment) -> TranslationContext:
        """What a translator has to keep to in this line."""
        request = self.work.request
        said = self.sources[line.id].text if self.rewording else ""
        registers = request.registers_of(self.language) if self.rewording else {}
        return TranslationContext(
            glossary=glossary.occurring(request.terms(self.language), [said]),
            register={who: register for who, register in registers.items() if who in {line.speaker, DEFAULT}},
        )

    def _decide(self, recipe: Recipe, line: Segment, text: str, pace: float) -> Wording:
        rewording = self.rewording
        if rewording is None:
            return Wording(text)
        source = self.sources[line.id]
        budget = characters(SPEED * self.room[line.id], pace, self.language)
        asked = SourceLine(line.id, source.text, source.speaker, source.end - source.start, budget)

        def fits(said: str) -> bool:
            return not self.is_over(line, seconds(said, pace))

        def build(out: Path) -> Facts:
            out.touch()  # what is decided stands on the row
            return asdict(rewording.shortened(asked, text, fits, self._context(line)))

        return _wording(self.work.checkpoints.make(recipe, build))


def fitting(work: Work, language: str, sound: Extracted, heard: Heard, translation: Translation) -> Fitting:
    """What it takes to fit the lines of `translation`."""
    source = heard.transcript
    own, translator = translation.engine == GIVEN, chain.translation(work.settings)
    return Fitting(
        work,
        language,
        _rooms(work, translation, sound),
        known_paces(work, language),
        {} if own else {segment.id: segment for segment in source.segments},
        None if own else Rewording(translator, (source.language, language)),
        None if own else translator.label,
    )


def _rooms(work: Work, translation: Translation, sound: Extracted) -> dict[int, float]:
    """The room of each line; more of it where the picture may be slowed."""
    slowest = SLOWEST if work.request.fit == "video" else 1.0
    return {line: room * slowest for line, room in rooms(translation.lines, sound.seconds).items()}


def _wording(decided: Artifact) -> Wording:
    return Wording(decided.facts["text"], tuple(decided.facts["reasons"]))
