"""How long a voice takes for a text, counted in letters. Pure.

A character that takes as long as a letter of an alphabet counts one; a syllable block, an ideograph or a digit more.
So one pace, in letters a second, holds for a voice whatever it reads.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from math import floor

import langcodes

# Of a voice that nobody has heard yet. eSpeak's and Flite's own sentences lie at 15 to 22, Polly's and people's
# (Coupé et al. 2019, 5 to 8 syllables a second) about 15.
USUAL_PACE = 16.0
# How many characters of known speech it takes to believe a voice as much as the usual pace.
DOUBT = 60.0
DIGIT = 5.0  # “7” is said as “seven”, “1984” as some twenty letters
# By the first word of a character's Unicode name, from the paces of eSpeak: Korean 8 characters a second, Chinese 4.5,
# Thai 10, Hindi 14; Japanese as it is read aloud in the news, 7. Abjads leave out the vowels that are said.
_LETTERS = {
    "HANGUL": 2.1, "CJK": 3.5, "HIRAGANA": 2.0, "KATAKANA": 2.0, "THAI": 1.5, "LAO": 1.5, "KHMER": 1.5, "MYANMAR": 1.5,
    "DEVANAGARI": 1.2, "ARABIC": 1.3, "HEBREW": 1.3,
}  # fmt: skip
# By ISO 15924 script, of running text.
_OF_SCRIPT = {
    "Kore": 1.9, "Jpan": 2.4, "Hans": 3.5, "Hant": 3.5, "Hani": 3.5, "Thai": 1.5, "Laoo": 1.5, "Khmr": 1.5, "Mymr": 1.5,
    "Deva": 1.2, "Arab": 1.3, "Hebr": 1.3,
}  # fmt: skip


def letters(text: str) -> float:
    """How much there is to say in `text`, in letters; spaces within and punctuation count as one each."""
    return sum(map(_weight, " ".join(text.split())))


def pace(characters: float, seconds: float, usual: float = USUAL_PACE) -> float:
    """Letters a second of a voice that took `seconds` for `characters` (counted as `letters` does).

    The little that is known is weighed against the usual pace: nothing known gives the usual pace.
    """
    return (characters + DOUBT) / (seconds + DOUBT / usual)


def pace_of(voice_id: str | None, known: Mapping[str, tuple[float, float]]) -> float:
    """The pace of a voice by what is known of it and of the others: `known` has (characters, seconds) by voice id.

    A voice that is not among them, or None, is taken for one like the others.
    """
    others = pace(*(sum(column) for column in zip((0.0, 0.0), *known.values(), strict=True)))
    return pace(*known.get(voice_id or "", (0.0, 0.0)), others)


def seconds(text: str, letters_per_second: float) -> float:
    """How long a voice of that pace takes for `text`."""
    return letters(text) / letters_per_second


def characters(room: float, letters_per_second: float, language: str) -> int:
    """How many characters of `language` fit into `room` seconds at that pace; at least 1."""
    script = langcodes.get(language).maximize().script or "Latn"
    return max(1, floor(room * letters_per_second / _OF_SCRIPT.get(script, 1.0)))


@cache
def _weight(character: str) -> float:
    if character.isdigit():
        return DIGIT
    return _LETTERS.get(unicodedata.name(character, "").split(" ")[0].split("-")[0], 1.0)
