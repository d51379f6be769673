"""From a piece's own time to the file's."""

from collections.abc import Iterable

from shared.dubbing.transcript import Word
from worker.engines.protocols import Piece


def in_file(words: Iterable[Word], piece: Piece) -> tuple[Word, ...]:
    """`words` of a piece, which are in order of start, with their times in the file and within the piece."""
    end = piece.sound.seconds
    return tuple(
        Word(
            word.text,
            round(piece.start + min(end, max(0.0, word.start)), 3),
            round(piece.start + min(end, max(0.0, word.end, word.start)), 3),
            word.confidence,
        )
        for word in words
    )
