"""Recognition piece by piece, each piece's words a checkpoint of their own."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from shared.dubbing.transcript import Transcript, Word
from shared.errors import PermanentError
from worker.artifacts import Recipe
from worker.engines.chain import SpeechRecognitionChain, who
from worker.engines.protocols import Piece, Recognised, Sound
from worker.media.voice_activity import pieces
from worker.segmentation import are_events, segmented
from worker.spans import Span
from worker.work import Work

VERSION = 2
UNDETERMINED = "und"  # BCP-47: nothing was said in any language


# Reads a stretch of the sound, by its start and end in seconds.
Read = Callable[[float, float], Sound]
# Gets how far recognition is, in seconds of the sound.
Told = Callable[[float], None]


class Recognition:
    """One sound's recognition. `found`: an earlier attempt had recognised some of it."""

    def __init__(self, work: Work, recogniser: SpeechRecognitionChain, sound: str, read: Read) -> None:
        """`sound` is the fingerprint of what `read` reads."""
        self.found = False
        self._work = work
        self._recogniser = recogniser
        self._sound = sound
        self._read = read
        self._recipes: dict[int, Recipe] = {}
        self._ends: dict[int, float] = {}

    def run(self, voiced: list[Span], told: Told) -> list[Recognised]:
        """The words of all pieces, in order."""
        done: dict[int, Recognised] = {}
        for recognised in self._recogniser.recognise(self._missing(voiced, done), self._work.request.source_language):
            self._work.checkpoints.make_document(self._recipes[recognised.index], lambda r=recognised: asdict(r))  # type: ignore[misc]
            done[recognised.index] = recognised
            told(self._ends[recognised.index])
        return [done[index] for index in sorted(done)]

    def _missing(self, voiced: list[Span], done: dict[int, Recognised]) -> Iterator[Piece]:
        """The pieces that no earlier attempt recognised; what one did is put into `done`."""
        for piece in pieces(voiced, self._read, self._recogniser.longest_piece):
            recipe = self._recipe(piece)
            known = self._work.checkpoints.find([recipe]).get(recipe.fingerprint)
            if known is None:
                yield piece
            else:
                self.found = True
                done[piece.index] = _from_document(self._work.checkpoints.document(known))

    def _recipe(self, piece: Piece) -> Recipe:
        options = {
            "start": round(piece.start, 3),
            "seconds": round(piece.sound.seconds, 3),
            "language": self._work.request.source_language,
        }
        recipe = Recipe("transcribe.piece", VERSION, (self._sound,), options, self._recogniser.label)
        self._recipes[piece.index], self._ends[piece.index] = recipe, piece.start + piece.sound.seconds
        return recipe


def document_of(heard: list[Recognised], source_language: str | None, *, doubtful: bool) -> dict[str, Any]:
    """What the pieces say as `{transcript, doubtful, engine, diarised}`.

    Where the engine `diarised`, a speaker's name counts within a piece only and begins with the piece's number.
    Raises PermanentError `source_language_unknown`.
    """
    said = _spoken(sorted(_said(heard), key=lambda one: one[0].start))
    words, diarised = [word for word, _ in said], bool(said) and all(speaker is not None for _, speaker in said)
    language = source_language or (_detected(heard) if words else UNDETERMINED)
    segments = segmented(words, language, [str(speaker) for _, speaker in said] if diarised else None)
    engine = who(piece.engine for piece in heard)
    written = Transcript(language, segments).to_dict()
    return {"transcript": written, "doubtful": doubtful, "engine": engine, "diarised": diarised}


def _spoken(said: list[tuple[Word, str | None]]) -> list[tuple[Word, str | None]]:
    """Without songs, laughter and noises, which stay as they are in the original."""
    events = are_events([word.text for word, _ in said])
    return [one for one, event in zip(said, events, strict=True) if not event]


def _said(heard: list[Recognised]) -> Iterator[tuple[Word, str | None]]:
    """Each word, and who says it."""
    for piece in heard:
        names = piece.speakers or (None,) * len(piece.words)
        for word, name in zip(piece.words, names, strict=True):
            yield word, None if name is None else f"{piece.index}:{name}"


def _from_document(document: dict[str, Any]) -> Recognised:
    words = tuple(Word(**word) for word in document["words"])
    speakers = tuple(document["speakers"]) if document["speakers"] is not None else None
    return Recognised(document["index"], words, document["language"], speakers, document["engine"])


def _detected(heard: list[Recognised]) -> str:
    """The language most pieces are in."""
    languages = [piece.language for piece in heard if piece.language]
    if not languages:
        raise PermanentError("source_language_unknown", "The language could not be told. Name the source language.")
    return max(set(languages), key=languages.count)
