"""translate: each segment into the target language, in batches that are checkpoints of their own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from worker.artifacts import Recipe
from worker.engines import registry
from worker.engines.protocols import SourceLine, Translator
from worker.engines.retry import Patience, with_retries
from worker.stages.transcribe import Heard
from worker.work import Work

VERSION = 1


@dataclass(frozen=True)
class Translation:
    """What is to be said, by segment id, and who translated it."""

    texts: dict[int, str]
    engine: str


def translate(work: Work, language: str, heard: Heard) -> Translation:
    """The transcript in `language`."""
    work.progress.begin("translate", language)
    translator: Translator = registry.build("translation", work.settings)
    name = f"{translator.name}/{translator.model}"
    lines = [
        SourceLine(segment.id, segment.text, segment.speaker, segment.end - segment.start)
        for segment in heard.transcript.segments
    ]
    texts: dict[int, str] = {}
    for batch in _batches(lines, translator.batch_lines):
        translated = _batch(work, translator, name, batch, heard.transcript.language, language)
        texts |= dict(zip((line.id for line in batch), translated, strict=True))
        work.progress.at(len(texts) / len(lines))
    return Translation(texts, name)


def _batch(
    work: Work, translator: Translator, name: str, batch: Sequence[SourceLine], source: str, target: str
) -> list[str]:
    options = {"texts": [[line.text, line.speaker, round(line.seconds, 2)] for line in batch], "pair": [source, target]}
    recipe = Recipe("translate.batch", VERSION, options=options, engine=name)
    answer: list[str] = work.checkpoints.make_document(
        recipe, lambda: with_retries(lambda: translator.translate(batch, source, target), Patience())
    )
    return answer


def _batches(lines: Sequence[SourceLine], size: int) -> Iterator[Sequence[SourceLine]]:
    for start in range(0, len(lines), size):
        yield lines[start : start + size]
