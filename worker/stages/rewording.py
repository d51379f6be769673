"""A shorter text for a line: what the translator makes of it, else what the rules do."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from shared.errors import PermanentError
from worker import glossary
from worker.engines.protocols import NO_TRANSLATION_CONTEXT, SourceLine, TranslationContext, Translator
from worker.fitting.rules import keeps_numbers, shorter_forms

TRIES = 2  # that a translator has to find something shorter
# What a translator may answer instead of a shorter text; then the rules have their turn.
_NO_SHORTER = frozenset({"cannot_shorten", "content_refused"})

Fits = Callable[[str], bool]


@dataclass(frozen=True)
class Wording:
    """What is to be said; `reasons` say how it came to be another text than the translation."""

    text: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rewording:
    """Shortens translations from one language (`pair[0]`) into another."""

    translator: Translator
    pair: tuple[str, str]

    def shortened(
        self, source: SourceLine, text: str, fits: Fits, context: TranslationContext = NO_TRANSLATION_CONTEXT
    ) -> Wording:
        """The translation `text` of `source` made shorter until it `fits`, or as short as it can be made.

        `source.budget` says how many characters fit; terms of the context's glossary stay. Raises what the translator
        raises.
        """
        line = _Line(self, source, context, fits)
        asked = line.asked(text) if self.translator.shortens else text
        ruled = line.ruled(asked)
        found = [(asked != text, "shortened"), (ruled != asked, "shortened_by_rule")]
        return Wording(ruled, tuple(reason for holds, reason in found if holds))


@dataclass(frozen=True)
class _Line:
    """One line's shortening."""

    by: Rewording
    source: SourceLine
    context: TranslationContext
    fits: Fits

    def asked(self, text: str) -> str:
        """What the translator makes of it."""
        for _ in range(TRIES):
            if self.fits(text):
                break
            try:
                shorter = self.by.translator.shorten(self.source, text, self.source.budget or 1, *self.by.pair).strip()
            except PermanentError as error:
                if error.code not in _NO_SHORTER:
                    raise
                break
            text = shorter if self._serves(shorter, text) else text
        return text

    def ruled(self, text: str) -> str:
        """The source shortened and translated anew; where that is not enough, the translation shortened itself."""
        text = self._least(text, self._translations())
        return self._least(text, shorter_forms(text, self.by.pair[1]))

    def _least(self, text: str, shorter_texts: Iterator[str]) -> str:
        """`text` if it fits, else the first of the others that does, else the shortest."""
        while not self.fits(text):
            shorter = next(shorter_texts, None)
            if shorter is None:
                break
            text = shorter if self._serves(shorter, text) else text
        return text

    def _translations(self) -> Iterator[str]:
        """Of ever shorter forms of the source."""
        for form in shorter_forms(self.source.text, self.by.pair[0]):
            try:
                [text] = self.by.translator.translate(
                    [replace(self.source, text=form)], *self.by.pair, self.context
                ).texts
            except PermanentError as error:
                if error.code not in _NO_SHORTER:
                    raise
                return
            yield text.strip()

    def _serves(self, shorter: str, text: str) -> bool:
        """Whether it says something, in fewer characters, and lost no number and no term of the glossary."""
        says_less = bool(re.search(r"\w", shorter)) and len(shorter) < len(text) and keeps_numbers(text, shorter)
        lost, already = (glossary.unmet(self.context.glossary, self.source.text, said) for said in (shorter, text))
        return says_less and set(lost) <= set(already)
