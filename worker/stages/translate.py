"""translate: each segment into the target language, in batches that are checkpoints of their own; or what was given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shared.dubbing.transcript import GivenTranscript, Segment
from worker.artifacts import Document, Recipe
from worker.engines import chain
from worker.engines.chain import TranslationChain, who
from worker.engines.protocols import SourceLine
from worker.forecast import GIVEN
from worker.given_translation import lines_of
from worker.stages.extract import Extracted
from worker.stages.paces import budgets
from worker.stages.transcribe import Heard
from worker.work import Work

VERSION = 2


@dataclass(frozen=True)
class Translation:
    """What is to be said in one language, by whom and when (ids are places in `lines`), and who translated it.

    `engines` are who did each line; none for what was given. `reasons`: by line, what a person should know of it.
    """

    lines: tuple[Segment, ...]
    engine: str
    engines: tuple[str, ...] = ()
    reasons: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Those who speak, in order of their first line."""
        return tuple(dict.fromkeys(line.speaker for line in self.lines))


def translate(work: Work, language: str, sound: Extracted, heard: Heard) -> Translation:
    """The transcript in `language`. Raises PermanentError `target_transcript_mismatch`, `unsupported_language_pair`."""
    given = work.request.translations.get(language)
    if given is not None:
        with work.progress.stage("translate", language):
            return _given(work, language, sound, heard, given)
    return _translated(work, language, sound, heard)


def _given(work: Work, language: str, sound: Extracted, heard: Heard, given: GivenTranscript) -> Translation:
    """What came with the job for this language."""
    lines = lines_of(
        given,
        language,
        heard.transcript,
        heard.voiced,
        duration=sound.seconds,
        source=work.request.transcript,
        stretch=sound.source.excerpt,
    )
    return Translation(lines, GIVEN)


def _translated(work: Work, language: str, sound: Extracted, heard: Heard) -> Translation:
    segments, texts, engines, made = heard.transcript.segments, list[str](), list[str](), list[bool]()
    refused = set[int]()
    with work.progress.stage("translate", language) as step:
        translator = chain.translation(work.settings)
        budget = budgets(work, language, heard.transcript, sound.seconds)
        asked = [_line(segment, budget[segment.id]) for segment in segments]
        for batch in _batches(asked, translator.batch_lines):
            document = _batch(work, translator, batch, (heard.transcript.language, language))
            texts += document.content["texts"]
            engines += document.content["engines"]
            refused |= set(document.content["refused"])
            made.append(document.made)
            step.at(len(texts) / len(segments))
        step.ran(translator.label, whole=all(made) and bool(made))
    pairs = zip(segments, texts, strict=True)
    lines = tuple(replace(segment, text=text, words=()) for segment, text in pairs)
    reasons = dict.fromkeys(refused, ("content_refused",))
    return Translation(lines, who(engines) or translator.label, tuple(engines), reasons)


def _line(segment: Segment, budget: int) -> SourceLine:
    """As the translator gets it. The budget is advice: a batch that was translated under another one serves."""
    return SourceLine(segment.id, segment.text, segment.speaker, segment.end - segment.start, budget)


def _batch(work: Work, translator: TranslationChain, batch: Sequence[SourceLine], pair: tuple[str, str]) -> Document:
    options = {"texts": [[line.text, line.speaker, round(line.seconds, 2)] for line in batch], "pair": list(pair)}
    recipe = Recipe("translate.batch", VERSION, options=options, engine=translator.label)

    def build() -> dict[str, Any]:
        made = translator.translate(batch, *pair)
        return {"texts": made.texts, "engines": made.engines, "refused": sorted(made.refused), "summary": made.summary}

    return work.checkpoints.make_document(recipe, build)


def _batches(lines: Sequence[SourceLine], size: int) -> Iterator[Sequence[SourceLine]]:
    for start in range(0, len(lines), size):
        yield lines[start : start + size]
