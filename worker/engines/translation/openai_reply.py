"""What a language model answers, and which of its lines are proven to belong to which of ours. Pure."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from worker.engines.protocols import SourceLine

LEAST_PROOF = 8  # letters of its beginning by which a line may be told from all others, when its id is wrong


class ReplyLine(BaseModel):
    """A translated line: the id it was given, the first words of the original, the translation."""

    model_config = ConfigDict(extra="forbid")

    id: int
    source: str
    text: str


class Reply(BaseModel):
    """The translated lines, and what has been said so far."""

    model_config = ConfigDict(extra="forbid")

    lines: list[ReplyLine]
    summary: str


class Shortened(BaseModel):
    """A line, shortened."""

    model_config = ConfigDict(extra="forbid")

    text: str


@dataclass(frozen=True, slots=True)
class Proven:
    """The texts by id that are proven to be what was asked for, and the lines that are still to be asked for."""

    texts: dict[int, str]
    missing: tuple[SourceLine, ...]


def proven(lines: Sequence[SourceLine], answered: Iterable[ReplyLine]) -> Proven:
    """Match the answer to `lines` by id, and by the first words that it repeats.

    The order does not matter. A line whose words belong to another one's id counts for that other, if only one line
    begins so. What is lacking, empty, or answered twice in different words is missing: it is not chosen between.
    """
    candidates: dict[int, set[str]] = defaultdict(set)
    for line in answered:
        owner = _owner(line, lines)
        text = " ".join(line.text.split())
        if owner is not None and any(map(str.isalnum, text)):
            candidates[owner].add(text)
    texts = {owner: found.pop() for owner, found in candidates.items() if len(found) == 1}
    return Proven(texts, tuple(line for line in lines if line.id not in texts))


def _owner(answer: ReplyLine, lines: Sequence[SourceLine]) -> int | None:
    """Whose translation it is: the id's, if that line begins so, else the only line that does."""
    echo = _letters(answer.source)
    if not echo:
        return None
    beginning = [line for line in lines if _begins(line, echo)]
    if any(line.id == answer.id for line in beginning):
        return answer.id
    return beginning[0].id if len(beginning) == 1 and len(echo) >= LEAST_PROOF else None


def _begins(line: SourceLine, echo: str) -> bool:
    """Whether the line's text begins with what was repeated of it, or is all of it."""
    letters = _letters(line.text)
    return letters.startswith(echo)


def _letters(text: str) -> str:
    """Letters and digits alone: models copy those, but tidy up spaces, quotes and case."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
