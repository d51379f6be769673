"""A shorter text for a line: what the translator makes of it, else what the rules do."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from shared.errors import PermanentError
from worker.engines.protocols import SourceLine, Translator
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

    def shortened(self, source: SourceLine, text: str, fits: Fits) -> Wording:
        """The translation `text` of `source` made shorter until it `fits`, or as short as it can be made.

        `source.budget` says how many characters fit. Raises what the translator raises.
        """
        asked = self._asked(source, text, fits) if self.translator.shortens else text
        ruled = self._ruled(source, asked, fits)
        found = [(asked != text, "shortened"), (ruled != asked, "shortened_by_rule")]
        return Wording(ruled, tuple(reason for holds, reason in found if holds))

    def _asked(self, source: SourceLine, text: str, fits: Fits) -> str:
        for _ in range(TRIES):
            if fits(text):
                break
            try:
                shorter = self._shorten(source, text)
            except PermanentError as error:
                if error.code not in _NO_SHORTER:
                    raise
                break
            text = shorter if _serves(shorter, text) else text
        return text

    def _ruled(self, source: SourceLine, text: str, fits: Fits) -> str:
        """The source shortened and translated anew; where that is not enough, the translation shortened itself."""
        if fits(text):
            return text
        for again in self._translations(source):
            text = again if _serves(again, text) else text
            if fits(text):
                return text
        for shorter in shorter_forms(text, self.pair[1]):
            text = shorter
            if fits(text):
                break
        return text

    def _translations(self, source: SourceLine) -> Iterator[str]:
        for form in shorter_forms(source.text, self.pair[0]):
            yield self._translate(replace(source, text=form))

    def _shorten(self, source: SourceLine, text: str) -> str:
        return self.translator.shorten(source, text, source.budget or 1, *self.pair).strip()

    def _translate(self, source: SourceLine) -> str:
        return self.translator.translate([source], *self.pair).texts[0].strip()


def _serves(shorter: str, text: str) -> bool:
    """Whether it says something, in fewer characters, and lost no number."""
    return bool(re.search(r"\w", shorter)) and len(shorter) < len(text) and keeps_numbers(text, shorter)
