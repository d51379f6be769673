"""translate: each segment into the target language, in batches that are checkpoints of their own; or what was given."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from shared.dubbing.transcript import GivenTranscript, Segment
from worker.artifacts import Document, Recipe
from worker.engines import registry
from worker.engines.protocols import SourceLine, Translator
from worker.engines.retry import Patience, with_retries
from worker.forecast import GIVEN
from worker.given_translation import lines_of
from worker.stages.extract import Extracted
from worker.stages.transcribe import Heard
from worker.work import Work

VERSION = 1


@dataclass(frozen=True)
class Translation:
    """What is to be said in one language, by whom and when (ids are places in `lines`), and who translated it."""

    lines: tuple[Segment, ...]
    engine: str

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
    return _translated(work, language, heard)


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


def _translated(work: Work, language: str, heard: Heard) -> Translation:
    segments, texts, made = heard.transcript.segments, list[str](), list[bool]()
    with work.progress.stage("translate", language) as step:
        translator: Translator = registry.build("translation", work.settings)
        name = f"{translator.name}/{translator.model}"
        for batch in _batches([_line(segment) for segment in segments], translator.batch_lines):
            document = _batch(work, translator, name, batch, (heard.transcript.language, language))
            texts += document.content
            made.append(document.made)
            step.at(len(texts) / len(segments))
        step.ran(name, whole=all(made) and bool(made))
    pairs = zip(segments, texts, strict=True)
    return Translation(tuple(replace(segment, text=text, words=()) for segment, text in pairs), name)


def _line(segment: Segment) -> SourceLine:
    return SourceLine(segment.id, segment.text, segment.speaker, segment.end - segment.start)


def _batch(
    work: Work, translator: Translator, name: str, batch: Sequence[SourceLine], pair: tuple[str, str]
) -> Document:
    options = {"texts": [[line.text, line.speaker, round(line.seconds, 2)] for line in batch], "pair": list(pair)}
    recipe = Recipe("translate.batch", VERSION, options=options, engine=name)
    return work.checkpoints.make_document(
        recipe, lambda: list(with_retries(lambda: translator.translate(batch, *pair), Patience()).texts)
    )


def _batches(lines: Sequence[SourceLine], size: int) -> Iterator[Sequence[SourceLine]]:
    for start in range(0, len(lines), size):
        yield lines[start : start + size]
