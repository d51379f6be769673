"""Recognition piece by piece, each piece's words a checkpoint of their own."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from shared.dubbing.transcript import Transcript, Word
from shared.errors import PermanentError
from worker.artifacts import Recipe
from worker.engines.chain import SpeechRecognitionChain, who
from worker.engines.protocols import Piece, Recognised, Sound
from worker.hallucination import believable
from worker.joining import Part, joined
from worker.media.voice_activity import pieces
from worker.segmentation import are_events, segmented
from worker.spans import Span
from worker.work import Work

VERSION = 3
UNDETERMINED = "und"  # BCP-47: nothing was said in any language
OVERLAP = 20.0  # seconds of speech that pieces have in common where the recogniser tells speakers apart

# Reads a stretch of the sound, by its start and end in seconds.
Read = Callable[[float, float], Sound]
# Gets how far recognition is, in seconds of the sound.
Told = Callable[[float], None]


class Recognition:
    """One sound's recognition. `found`: an earlier attempt had recognised some; `bounds`: its pieces, by index."""

    def __init__(self, work: Work, recogniser: SpeechRecognitionChain, sound: str, read: Read) -> None:
        """`sound` is the fingerprint of what `read` reads."""
        self.found = False
        self.bounds: dict[int, Span] = {}
        self._work = work
        self._recogniser = recogniser
        self._sound = sound
        self._read = read
        self._recipes: dict[int, Recipe] = {}

    def run(self, voiced: list[Span], told: Told, all_given: Callable[[], None]) -> list[Recognised]:
        """The words of all pieces, in order. `all_given` is called when the last piece is with the recogniser."""
        done: dict[int, Recognised] = {}
        missing = _then(self._missing(voiced, done), all_given)
        for recognised in self._recogniser.recognise(missing, self._work.request.source_language):
            self._work.checkpoints.make_document(self._recipes[recognised.index], lambda r=recognised: asdict(r))  # type: ignore[misc]
            done[recognised.index] = recognised
            told(self.bounds[recognised.index].end)
        return [done[index] for index in sorted(done)]

    def _missing(self, voiced: list[Span], done: dict[int, Recognised]) -> Iterator[Piece]:
        """The pieces that no earlier attempt recognised; what one did is put into `done`."""
        diarised = self._recogniser.diarises
        overlap = OVERLAP if diarised else 0.0
        cut = pieces(voiced, self._read, self._recogniser.longest_piece, overlap=overlap, through_pauses=diarised)
        for piece in cut:
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
        self._recipes[piece.index] = recipe
        self.bounds[piece.index] = Span(piece.start, piece.start + piece.sound.seconds)
        return recipe


def document_of(
    heard: list[Recognised],
    bounds: Mapping[int, Span],
    voiced: list[Span],
    source_language: str | None,
    *,
    doubtful: bool,
) -> dict[str, Any]:
    """What the pieces say as `{transcript, doubtful, engine, diarised}`.

    `bounds` are the pieces, by index, and `voiced` where there is a voice. Where the engine `diarised`, a speaker's
    name begins with the number of the piece that it was first heard in. Raises PermanentError
    `source_language_unknown`.
    """
    found = joined([Part(*bounds[one.index], one.words, one.speakers) for one in heard])
    events = are_events([word.text for word in found.words])
    said = [index for index in believable(found.words, voiced) if not events[index]]
    words = [found.words[index] for index in said]
    diarised = bool(words) and all(one.speakers is not None for one in heard if one.words)
    speakers = [found.speakers[index] for index in said] if diarised and found.speakers else None
    language = source_language or (_detected(heard) if words else UNDETERMINED)
    written = Transcript(language, segmented(words, language, speakers)).to_dict()
    engine = who(piece.engine for piece in heard)
    return {"transcript": written, "doubtful": doubtful, "engine": engine, "diarised": diarised}


def _then(pieces: Iterator[Piece], all_given: Callable[[], None]) -> Iterator[Piece]:
    yield from pieces
    all_given()


def _from_document(document: dict[str, Any]) -> Recognised:
    words = tuple(Word(**word) for word in document["words"])
    speakers = tuple(document["speakers"]) if document["speakers"] is not None else None
    return Recognised(document["index"], words, document["language"], speakers, document["engine"])


def _detected(heard: list[Recognised]) -> str:
    """The language that is spoken the longest."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for piece in heard:
        if piece.language:
            seconds[piece.language] += sum(word.end - word.start for word in piece.words)
    if not seconds:
        raise PermanentError("source_language_unknown", "The language could not be told. Name the source language.")
    return max(seconds, key=lambda language: seconds[language])
