"""Written words as the words of a pronouncing dictionary: numbers spelled out, unknown words sounded out by letter."""

import re
import unicodedata
from collections.abc import Callable
from string import ascii_lowercase

_UNDER_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_UNITS = _UNDER_TWENTY.split()
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((1_000_000, "million"), (1_000, "thousand"), (100, "hundred"))
_SIGNS = {"&": " and ", "%": " percent ", "$": " dollars ", "€": " euros ", "£": " pounds ", "@": " at ", "+": " plus "}

# One sound for each letter, in the dictionary's phones: rough, but enough to align a name never seen.
_PHONES = "AE B K D EH F G HH IH JH K L M N AA P K R S T AH V W K-S IY Z"
_SOUNDS = {letter: phones.replace("-", " ") for letter, phones in zip(ascii_lowercase, _PHONES.split(), strict=True)}


def tokens(word: str) -> list[str]:
    """The spoken words of one written word, in lower-case ASCII letters and apostrophes; none for mere punctuation."""
    plain = unicodedata.normalize("NFKD", word.replace("’", "'")).encode("ascii", "ignore").decode().lower()
    for sign, spoken in _SIGNS.items():
        plain = plain.replace(sign, spoken)
    plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", plain)
    plain = re.sub(r"\d+", lambda number: f" {_spoken(number[0])} ", plain)
    return [part.strip("'") for part in re.findall(r"[a-z']+", plain) if part.strip("'")]


def sounded_out(token: str) -> str:
    """Phones for a word that no dictionary has."""
    return " ".join(_SOUNDS[letter] for letter in token if letter in _SOUNDS)


def cardinal(number: int) -> str:
    """`number` (below a thousand million) in English words."""
    if number < 20:
        return _UNITS[number]
    if number < 100:
        return _joined(_TENS[number // 10], number % 10, cardinal)
    scale, name = next(item for item in _SCALES if number >= item[0])
    return _joined(f"{cardinal(number // scale)} {name}", number % scale, cardinal)


def _spoken(digits: str) -> str:
    if len(digits) > 9:
        return " ".join(_UNITS[int(digit)] for digit in digits)
    if len(digits) == 4 and "1300" <= digits < "2000" and digits[2:] != "00":  # a year, most often
        return f"{cardinal(int(digits[:2]))} {cardinal(int(digits[2:]))}"
    return cardinal(int(digits))


def _joined(head: str, rest: int, words: Callable[[int], str]) -> str:
    return f"{head} {words(rest)}" if rest else head
