"""PocketSphinx's decoder on a piece of sound. Child processes import this: nothing large besides what they need."""

import re
from collections.abc import Iterator

import numpy as np
import soxr
from pocketsphinx import Decoder

from shared.dubbing.transcript import Word
from worker.engines.protocols import Piece, Recognised, Sound

RATE = 16_000
FRAMES_PER_SECOND = 100
# Bounds the search where music makes every word likely: over music a third faster, no measurable change in words.
ACTIVE_STATES = 6000
_PRONUNCIATION = re.compile(r"\(\d+\)$")
_FILLERS = ("<", "[", "+")  # <sil>, [NOISE], ++BREATH++


class Listener:
    """One decoder, for a child process: it holds the GIL while it works. Its models are only read, and fork well."""

    def __init__(self) -> None:
        self._decoder = Decoder(loglevel="FATAL", maxhmmpf=ACTIVE_STATES)

    def __call__(self, piece: Piece) -> Recognised:
        """The words of `piece`, times in seconds from the start of the file."""
        words = tuple(self._words(piece)) if listen(self._decoder, piece.sound) else ()
        return Recognised(piece.index, words, "en")

    def _words(self, piece: Piece) -> Iterator[Word]:
        end = piece.start + piece.sound.seconds
        for segment in self._decoder.seg():
            if not segment.word.startswith(_FILLERS):
                yield Word(
                    spelling(segment.word),
                    min(end, round(piece.start + segment.start_frame / FRAMES_PER_SECOND, 3)),
                    min(end, round(piece.start + (segment.end_frame + 1) / FRAMES_PER_SECOND, 3)),
                    min(1.0, max(0.0, float(segment.prob))),
                )


def listen(decoder: Decoder, sound: Sound) -> bool:
    """Decode `sound` as one utterance; whether anything came of it."""
    samples = sound.samples if sound.rate == RATE else soxr.resample(sound.samples, sound.rate, RATE)
    if len(samples) < RATE // FRAMES_PER_SECOND * 5:  # too short for one word, and for the normalisation
        return False
    pcm = (np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes()
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    return decoder.hyp() is not None


def spelling(word: str) -> str:
    """A dictionary word without the number of its pronunciation: `the(2)` is `the`."""
    return _PRONUNCIATION.sub("", word)
