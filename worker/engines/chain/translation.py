"""Translators as one."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from shared.config import Settings
from shared.errors import PermanentError
from worker.engines.chain.chain import Chain, Done, label_of
from worker.engines.door import language_served
from worker.engines.errors import content_refused, malformed
from worker.engines.protocols import NO_TRANSLATION_CONTEXT, SourceLine, Translated, TranslationContext, Translator

Result = TypeVar("Result")


class TranslationChain(Chain[Translator]):
    """A Translator for all pairs that some engine serves; only those that serve a pair are asked for it."""

    def __init__(self, engines: Sequence[Translator], settings: Settings) -> None:
        super().__init__(engines, settings)
        self.batch_lines = min(engine.batch_lines for engine in engines)
        self.shortens = any(engine.shortens for engine in engines)
        self._fails_on_refusal = settings.content_refused == "fail"

    def pairs(self) -> frozenset[tuple[str, str]]:
        """As Translator has it."""
        return frozenset[tuple[str, str]]().union(*(engine.pairs() for engine in self.engines))

    def translate(
        self,
        lines: Sequence[SourceLine],
        source: str,
        target: str,
        context: TranslationContext = NO_TRANSLATION_CONTEXT,
    ) -> Translated:
        """As Translator has it, with who did each line; `refused` are those that an engine refused and another did.

        Raises also PermanentError `content_refused`: where a refusal is to fail, or when every engine refuses a line.
        """
        candidates, left, summary = self._serving(source, target), list(lines), ""
        said: dict[int, tuple[str, str]] = {}
        refused: set[int] = set()
        while True:
            done = self._for(target, candidates, lambda engine: _asked(engine, left, source, target, context))  # noqa: B023
            result, who = done.result, label_of(done.engine)
            pairs = zip(left, result.texts, strict=True)
            said |= {line.id: (text, who) for line, text in pairs if line.id not in result.refused}
            summary = summary or result.summary
            refused |= {line.id for line in left if "content_refused" in done.passed or line.id in result.refused}
            left = [line for line in left if line.id in result.refused]
            candidates = candidates[candidates.index(done.engine) + 1 :]
            if not left:
                break
            if self._fails_on_refusal or not candidates:
                raise content_refused(done.engine.name, f"“{left[0].text[:80]}”")
        texts, engines = zip(*(said[line.id] for line in lines), strict=True) if lines else ((), ())
        return Translated(texts, summary, frozenset(refused), engines)

    def shorten(self, line: SourceLine, text: str, budget: int, source: str, target: str) -> str:
        """As Translator has it, by the engines that shorten."""
        able = [engine for engine in self._serving(source, target) if engine.shortens]
        if not able:
            raise PermanentError("cannot_shorten", f"No engine shortens from {source} to {target}.")
        return self._for(target, able, lambda engine: engine.shorten(line, text, budget, source, target)).result

    def _serving(self, source: str, target: str) -> list[Translator]:
        serving = [engine for engine in self.engines if (source, target) in engine.pairs()]
        if not serving:
            raise PermanentError("unsupported_language_pair", f"No engine translates from {source} to {target}.")
        return serving

    def _for(
        self, target: str, engines: Sequence[Translator], ask: Callable[[Translator], Result]
    ) -> Done[Translator, Result]:
        token = language_served.set(target)
        try:
            return self.first(engines, ask)
        finally:
            language_served.reset(token)


def _asked(
    engine: Translator, lines: Sequence[SourceLine], source: str, target: str, context: TranslationContext
) -> Translated:
    result = engine.translate(lines, source, target, context)
    if len(result.texts) != len(lines):
        raise malformed(engine.name, f"{len(result.texts)} texts for {len(lines)} lines")
    return result
