"""listen: the dub's lines, recognised from the voice track where they lie, against what was to be said.

It changes nothing in the dub: where the recogniser fails the report says so.
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from shared import log
from shared.errors import PermanentError, TransientError
from worker.artifacts import Document, Recipe
from worker.engines import chain
from worker.engines.protocols import Piece, Sound, SpeechRecogniser
from worker.expectation import listener
from worker.listening import LineHeard, Listening, Said, compared
from worker.media.audio import read_span
from worker.media.voice_activity import RATE
from worker.media.voice_track import RATE as TRACK_RATE
from worker.stages.align import Placed
from worker.stages.synthesize import Spoken
from worker.threads import beside
from worker.timeline import Placement
from worker.work import Work

logger = log.get(__name__)

VERSION = 1
POLL_SECONDS = 1.0
BATCH = 40  # lines whose words are one checkpoint
# Recognisers expect some silence around speech; a neighbour's speech would be heard.
SILENCE_SECONDS = 0.2


@dataclass(frozen=True)
class Listened:
    """What listening says; or, in `warning`, why nobody could listen though it was asked for."""

    listening: Listening | None = None
    warning: str | None = None

    @cached_property
    def lines(self) -> dict[int, LineHeard]:
        """The lines that were heard, by id; none where nobody listened."""
        return {line.id: line for line in self.listening.lines} if self.listening else {}

    def reasons(self, line_id: int) -> tuple[str, ...]:
        """Why a person should listen to the line."""
        return ("unclear",) if line_id in self.lines and self.lines[line_id].unclear else ()


@dataclass
class Ears:
    """Somebody who listens while the dub is mixed."""

    work: Work
    language: str
    spoken: Spoken
    placed: Placed
    engine: str | None
    done: float = 0.0
    made: bool = True
    future: Future[Listened] | None = None

    def listened(self) -> Listened:
        """What was heard, once all of it was."""
        assert self.future is not None
        if self.engine is None:
            return self.future.result()
        with self.work.progress.stage("listen", self.language) as step:
            while not self.future.done():
                wait([self.future], timeout=POLL_SECONDS)
                step.at(self.done)
            step.ran(self.engine, whole=self.made)
        return self.future.result()

    def listen(self, unwanted: threading.Event) -> Listened:
        """Listen to all lines, or until that is `unwanted`."""
        if self.engine is None:
            return Listened(warning="not_listened_to" if self.work.request.listen_back else None)
        try:
            return Listened(self._compared(self._heard(self.engine, unwanted), self.engine))
        except (TransientError, PermanentError) as error:
            logger.warning("nobody could listen", code=error.code, message=error.message)
            return Listened(warning="listening_failed")

    def _compared(self, heard: dict[int, str], engine: str) -> Listening:
        spoken = {line.id: line for line in self.spoken.lines}
        said = [Said(p.id, spoken[p.id].text, spoken[p.id].voice_id) for p in self.placed.plan.placements]
        return compared(engine, self.language, said, heard)

    def _heard(self, engine: str, unwanted: threading.Event) -> dict[int, str]:
        """What is heard of each line, by id; batch by batch, each a checkpoint."""
        recogniser = chain.speech_recognition(self.work.settings)
        heard: dict[int, str] = {}
        placements = self.placed.plan.placements
        for start in range(0, len(placements), BATCH):
            if unwanted.is_set():
                break
            batch = placements[start : start + BATCH]
            document = self._batch(recogniser, engine, batch)
            heard |= {line["id"]: line["heard"] for line in document.content}
            self.made &= document.made
            self.done = (start + len(batch)) / len(placements)
        return heard

    def _batch(self, recogniser: SpeechRecogniser, engine: str, batch: Sequence[Placement]) -> Document:
        """What is heard of these lines, `[{id, heard}]`."""
        options = {"ids": [placement.id for placement in batch], "language": self.language}
        recipe = Recipe("listen", VERSION, (self.placed.track.fingerprint,), options, engine)

        def build() -> list[dict[str, Any]]:
            pieces = _pieces(self.work.checkpoints.path(self.placed.track), batch)
            heard = recogniser.recognise(pieces, self.language)
            return [{"id": piece.index, "heard": " ".join(word.text for word in piece.words)} for piece in heard]

        return self.work.checkpoints.make_document(recipe, build)


@contextmanager
def listening(work: Work, language: str, spoken: Spoken, placed: Placed) -> Iterator[Ears]:
    """Listen to the dub meanwhile, if that was asked for, or costs nothing and the recogniser reads the language."""
    ears = Ears(work, language, spoken, placed, listener(work.settings, work.request, language))
    with beside(ears.listen) as ears.future:
        yield ears


def _pieces(track: Path, batch: Sequence[Placement]) -> Iterator[Piece]:
    """Each line alone, between two silences."""
    silence = np.zeros(round(SILENCE_SECONDS * RATE), np.float32)
    for placement in batch:
        samples = read_span(track, placement.start, placement.end)[:, 0]
        sound = Sound(np.concatenate([silence, soxr.resample(samples, TRACK_RATE, RATE), silence]), RATE)
        yield Piece(placement.id, placement.start - SILENCE_SECONDS, sound)
