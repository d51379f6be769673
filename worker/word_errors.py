"""How many words of a text were not heard as they are written (word error rate). Pure."""

import re
import unicodedata
from typing import NamedTuple

import jiwer
import langcodes

from shared.dubbing.transcript import UNSPACED

_APOSTROPHES = re.compile(r"['’ʼ]")


class Errors(NamedTuple):
    """`wrong` words (substituted, left out, put in) for `words` written ones."""

    wrong: int
    words: int

    @property
    def rate(self) -> float | None:
        """Wrong for each written one; None where there is nothing to compare."""
        return self.wrong / self.words if self.words else None


def errors(written: str, heard: str, language: str) -> Errors:
    """What was heard against what was written, letter case and marks aside.

    Numbers in digits count neither way, for nobody says digits: “1984” may be heard as three words.
    """
    reference, hypothesis = _words(written, language), _words(heard, language)
    counted = sum(not _is_number(word) for word in reference)
    if not counted or not hypothesis:
        return Errors(counted, counted)
    [chunks] = jiwer.process_words(" ".join(reference), " ".join(hypothesis)).alignments
    return Errors(sum(_wrong(chunk, reference, hypothesis) for chunk in chunks), counted)


def _wrong(chunk: jiwer.AlignmentChunk, reference: list[str], hypothesis: list[str]) -> int:
    said = reference[chunk.ref_start_idx : chunk.ref_end_idx]
    heard = hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx]
    if chunk.type == "equal":
        return 0
    if chunk.type == "insert":
        beside = reference[max(0, chunk.ref_start_idx - 1) : chunk.ref_start_idx + 1]
        return 0 if any(map(_is_number, beside)) else sum(not _is_number(word) for word in heard)
    if chunk.type == "delete":
        return sum(not _is_number(word) for word in said)
    return sum(not (_is_number(a) or _is_number(b)) for a, b in zip(said, heard, strict=True))


def _words(text: str, language: str) -> list[str]:
    plain = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", text).casefold())
    words = "".join(letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in plain).split()
    # There a character counts as a word does elsewhere.
    unspaced = langcodes.get(language).language in UNSPACED
    return [character for word in words for character in word] if unspaced else words


def _is_number(word: str) -> bool:
    return any(map(str.isdigit, word))
