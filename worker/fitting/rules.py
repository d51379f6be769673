"""Shortening by rule: hesitations, repeats and parentheses may go; names, numbers and negations never do. Pure.

What can't be told from a name, a number or a negation is taken for one.
"""

import re
from collections.abc import Iterator

from worker.fitting.habits import Habits, habits_of

_WORD = r"[^\W_]+(?:['’\-][^\W_]+)*"
_WORDS = re.compile(_WORD)
_REPEATED = re.compile(rf"(?<![\w'’\-])({_WORD}(?:\s+{_WORD}){{0,3}})(?:\s*,)?\s+\1(?![\w'’\-])", re.IGNORECASE)
_ASIDES = (
    re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\]|（[^（）]*）)"),
    re.compile(r"\s+[–—]\s+[^–—]+\s+[–—](?=\s)"),
)
_NOT = re.compile(r"n['’]t$")
_OPENING = re.compile(r"[.!?…:]\s*$")
_MARKS = " \t\"'“”«»„‘’¿¡([–—-"


def shorter_forms(text: str, language: str) -> Iterator[str]:
    """`text` with ever more of it left out: hesitations and what commas set off, then repeats, then parentheses.

    Each form is shorter than the one before. None comes where there is nothing to leave out, or where nobody wrote
    down how the language is spoken.
    """
    habits = habits_of(language)
    if habits is None:
        return
    form = whole = " ".join(text.split())
    for leave_out in (_without_hesitations, _without_repeats, _without_asides):
        shorter = _tidied(leave_out(form, habits), whole)
        if len(shorter) < len(form) and re.search(r"\w", shorter):
            form = shorter
            yield form


def keeps_numbers(text: str, shorter: str) -> bool:
    """Whether all numbers in digits that `text` has are in `shorter`, each as often."""
    left = re.findall(r"\d+", shorter)
    for number in re.findall(r"\d+", text):
        if number not in left:
            return False
        left.remove(number)
    return True


def _without_hesitations(text: str, habits: Habits) -> str:
    if not habits.spaced:  # only what commas set off can be told from a part of another word
        either = _any(habits.hesitations | habits.markers)
        return re.sub(rf"(^|(?<=[、，。,！？!?]))(?:{either})[、，,…]+", "", text)

    def left_out(match: re.Match[str]) -> str:
        return match[0] if _is_name(match[1], match.start(1), text, match.end()) else ""

    hesitations, markers = _any(habits.hesitations), _any(habits.markers)
    plain = re.sub(rf"(?<!\S)({hesitations})(?:[,…]+|\.\.\.)?(?:\s+|(?=[.!?])|$)", left_out, text, flags=re.IGNORECASE)
    inner = re.sub(rf",\s*(?:{markers}),", ",", plain, flags=re.IGNORECASE)
    return re.sub(rf"(^|(?<=[.!?…]\s))(?:{markers}),\s+", "", inner, flags=re.IGNORECASE)


def _is_name(word: str, start: int, text: str, end: int) -> bool:
    """A capital within a sentence, a capital that another follows (“Um Kulthum”), several capitals."""
    if word.islower() or not word[0].isupper():
        return False
    after = _WORDS.search(text, end)
    named = after is not None and after[0][0].isupper() and after[0].lower() != "i" and "," not in text[start:end]
    return not _opens(text, start) or not word[1:].islower() or named


def _without_repeats(text: str, habits: Habits) -> str:
    """Without a phrase's second time; a single word's only where a comma or the word says that it was a stutter."""
    if not habits.spaced or not habits.cased:
        return text

    def once(match: re.Match[str]) -> str:
        said = match[1]
        stuttered = " " in said or "," in match[0] or said.lower() in habits.stutters
        names = [word for word in _named(match[0], habits) if word.lower() not in habits.stutters]
        return said if stuttered and not names else match[0]

    return _REPEATED.sub(once, text)


def _without_asides(text: str, habits: Habits) -> str:
    """Without what stands in brackets or between dashes; where names can't be told all of it stays."""
    if not habits.cased:
        return text
    for aside in _ASIDES:
        text = aside.sub(lambda match: match[0] if _named(match[0], habits) else "", text)
    return text


def _named(part: str, habits: Habits) -> list[str]:
    """The words of `part` that have to stay: numbers, negations and what has a capital, as names do."""
    return [word for word in _WORDS.findall(part) if _stays(word, habits)]


def _stays(word: str, habits: Habits) -> bool:
    lower = word.lower()
    pieces = {lower, *re.split(r"['’\-]", lower)}
    fixed = bool(pieces & (habits.negations | habits.numbers)) or bool(_NOT.search(lower))
    own = lower == "i" or lower.startswith(("i'", "i’"))  # English writes “I” large wherever it stands
    return fixed or any(map(str.isnumeric, word)) or (any(map(str.isupper, word)) and not own)


def _opens(text: str, at: int) -> bool:
    """Whether what begins at `at` opens a sentence."""
    before = text[:at].rstrip(_MARKS)
    return not before or bool(_OPENING.search(before))


def _tidied(text: str, whole: str) -> str:
    """One space between words, none before a comma, and a capital at the beginning where there was one."""
    tidy = re.sub(r"\s+([,;.!?…])", r"\1", " ".join(text.split()))
    tidy = re.sub(r"^[,;、，\s]+", "", re.sub(r"([,;])(?:\s*[,;])+", r"\1", tidy))
    capital = whole[:1].isupper() and tidy[:1].islower()
    return tidy[0].upper() + tidy[1:] if capital else tidy


def _any(phrases: frozenset[str]) -> str:
    longest_first = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    return "|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in longest_first)
