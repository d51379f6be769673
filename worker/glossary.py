"""Terms that are to be kept, or rendered as somebody wishes. Pure.

A glossary maps a term to its rendering; a term that is to be kept maps to itself, and keeps the case that it has in the
source. To find a term case does not matter.
"""

import re
from collections.abc import Iterable, Mapping

# A word that no dictionary has passes through a rule-based translator as it is. One letter more numbers it.
_PLACE = "Qzxv"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def occurring(glossary: Mapping[str, str], texts: Iterable[str]) -> dict[str, str]:
    """The terms that the texts have in them, within longer words too: languages join what they will."""
    said = "\n".join(texts).casefold()
    return {term: rendering for term, rendering in glossary.items() if term.casefold() in said}


def unmet(glossary: Mapping[str, str], source: str, text: str) -> tuple[str, ...]:
    """The terms that `source` has as words of their own, and whose rendering is not in its translation `text`."""
    said, missing = text.casefold(), []
    for term in sorted(glossary, key=len, reverse=True):
        source, count = _pattern(term).subn("\n", source)  # a shorter term within it is not asked for
        if count and glossary[term].casefold() not in said:
            missing.append(term)
    return tuple(missing)


def protected(glossary: Mapping[str, str], text: str) -> tuple[str, tuple[str, ...]]:
    """`text` with a placeholder for each mention of a term, the longest terms first, and what each stands for."""
    renderings: list[str] = []
    if _PLACE.casefold() in text.casefold():
        return text, ()
    for term in sorted(glossary, key=len, reverse=True):

        def place(found: re.Match[str], kept: str = term, rendering: str = glossary[term]) -> str:
            if len(renderings) == len(_LETTERS):
                return found.group()
            renderings.append(found.group() if rendering == kept else rendering)
            return _PLACE + _LETTERS[len(renderings) - 1]

        text = _pattern(term).sub(place, text)
    return text, tuple(renderings)


def restored(text: str, renderings: tuple[str, ...]) -> str | None:
    """`text` with the renderings in their places; None unless each place came through, and once."""
    found = [_LETTERS.index(letter.casefold()) for letter in _PLACED.findall(text)]
    if sorted(found) != list(range(len(renderings))):
        return None
    return _PLACED.sub(lambda place: renderings[_LETTERS.index(place[1].casefold())], text)


_PLACED = re.compile(rf"\b{_PLACE}([a-z])\b", re.IGNORECASE)


def _pattern(term: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(term)}(?!\w)", re.IGNORECASE)
