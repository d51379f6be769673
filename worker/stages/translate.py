"""translate: each segment into the target language, in batches that are checkpoints of their own; or what was given."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from shared.dubbing.transcript import GivenTranscript, Segment
from worker import glossary
from worker.artifacts import Document, Recipe
from worker.engines import chain
from worker.engines.chain import TranslationChain, who
from worker.engines.protocols import SourceLine, TranslationContext
from worker.forecast import GIVEN
from worker.given_translation import lines_of
from worker.stages.extract import Extracted
from worker.stages.paces import budgets
from worker.stages.transcribe import Heard
from worker.work import Work

VERSION = 4
NEIGHBOURS = 3  # lines before and after a batch that the translator gets to read


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


# Gets lines as they are translated, in order.
Told = Callable[[Sequence[Segment]], None]


def translate(work: Work, language: str, sound: Extracted, heard: Heard, told: Told) -> Translation:
    """The transcript in `language`; `told` of each batch of a translation made here.

    Raises PermanentError `target_transcript_mismatch`, `unsupported_language_pair`.
    """
    given = work.request.translations.get(language)
    if given is not None:
        with work.progress.stage("translate", language):
            return _given(work, language, sound, heard, given)
    return _translated(work, language, sound, heard, told)


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


def _translated(work: Work, language: str, sound: Extracted, heard: Heard, told: Told) -> Translation:
    segments, texts, engines, made = heard.transcript.segments, list[str](), list[str](), list[bool]()
    refused = set[int]()
    with work.progress.stage("translate", language) as step:
        translator, summary = chain.translation(work.settings), ""
        budget = budgets(work, language, heard.transcript, sound.seconds)
        lines = [_line(segment, budget[segment.id]) for segment in segments]
        for batch in _batches(lines, translator.batch_lines):
            context = replace(_context(work, language, batch), summary=summary)
            document = _batch(work, translator, batch, (heard.transcript.language, language), context)
            summary = document.content["summary"]
            told(_said(segments[len(texts) :], document.content["texts"]))
            texts += document.content["texts"]
            engines += document.content["engines"]
            refused |= {batch.lines[place].id for place in document.content["refused"]}
            made.append(document.made)
            step.at(len(texts) / len(segments))
        step.ran(translator.label, whole=all(made) and bool(made))
    reasons = _reasons(segments, texts, refused, work.request.terms(language))
    return Translation(_said(segments, texts), who(engines) or translator.label, tuple(engines), reasons)


def _said(segments: Sequence[Segment], texts: Sequence[str]) -> tuple[Segment, ...]:
    """What is to be said in the place of the first of `segments`."""
    return tuple(replace(segment, text=text, words=()) for segment, text in zip(segments, texts, strict=False))


def _reasons(
    segments: Sequence[Segment], texts: Sequence[str], refused: set[int], terms: Mapping[str, str]
) -> dict[int, tuple[str, ...]]:
    """By line: that a provider refused it, that a term of the glossary is not rendered as it should be."""
    found = {segment.id: ("content_refused",) if segment.id in refused else () for segment in segments}
    for segment, text in zip(segments, texts, strict=True):
        if glossary.unmet(terms, segment.text, text):
            found[segment.id] = (*found[segment.id], "glossary_not_met")
    return {line: reasons for line, reasons in found.items() if reasons}


def _line(segment: Segment, budget: int) -> SourceLine:
    """As the translator gets it. The budget is advice: a batch that was translated under another one serves."""
    return SourceLine(segment.id, segment.text, segment.speaker, segment.end - segment.start, budget)


def _context(work: Work, language: str, batch: "_Batch") -> TranslationContext:
    """All that helps with the batch but the story so far."""
    registers = work.request.registers_of(language)
    speakers = {line.speaker for line in batch.lines} | {"default"}
    return TranslationContext(
        batch.before,
        batch.after,
        glossary=glossary.occurring(work.request.terms(language), (line.text for line in batch.lines)),
        register={speaker: register for speaker, register in registers.items() if speaker in speakers},
    )


def _batch(
    work: Work, translator: TranslationChain, batch: "_Batch", pair: tuple[str, str], context: TranslationContext
) -> Document:
    """The batch's document `{texts, engines, refused, summary}`; `refused` are places in the batch.

    Its name says what has to be so: lines, glossary, registers. The neighbours and the story so far only help: with
    them in the name, editing one line would translate all the others again.
    """
    options = {
        "texts": [[line.text, line.speaker, round(line.seconds, 2)] for line in batch.lines],
        "pair": list(pair),
        "glossary": dict(context.glossary),
        "register": dict(context.register),
    }
    recipe = Recipe("translate.batch", VERSION, options=options, engine=translator.label)

    def build() -> dict[str, Any]:
        made = translator.translate(batch.lines, *pair, context)
        refused = [place for place, line in enumerate(batch.lines) if line.id in made.refused]
        return {"texts": made.texts, "engines": made.engines, "refused": refused, "summary": made.summary}

    return work.checkpoints.make_document(recipe, build)


class _Batch(NamedTuple):
    """Lines to translate, and those next to them."""

    lines: tuple[SourceLine, ...]
    before: tuple[SourceLine, ...]
    after: tuple[SourceLine, ...]


def _batches(lines: Sequence[SourceLine], size: int) -> Iterator[_Batch]:
    for start in range(0, len(lines), size):
        end = start + size
        before, after = lines[max(0, start - NEIGHBOURS) : start], lines[end : end + NEIGHBOURS]
        yield _Batch(tuple(lines[start:end]), tuple(before), tuple(after))
