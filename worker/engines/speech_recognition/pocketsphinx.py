"""PocketSphinx with the English model that comes with it: a demonstration engine, but real and offline.

Measured on flite voices: word error rate 0.06–0.13 alone, 0.29–0.42 over music 15 dB below, 0.6–0.7 at 10 dB.
"""

import os
import re
from collections.abc import Iterable, Iterator

import langcodes
import numpy as np
import soxr
from pocketsphinx import Decoder

from shared.config import Settings
from shared.dubbing.transcript import Word
from shared.errors import PermanentError
from worker.engines.protocols import Piece, Recognised, Sound
from worker.engines.speech_recognition.crew import shared_out

RATE = 16_000
FRAMES_PER_SECOND = 100
# Bounds the search where music makes every word likely: over music a third faster, no measurable change in words.
ACTIVE_STATES = 6000
_PRONUNCIATION = re.compile(r"\(\d+\)$")
_FILLERS = ("<", "[", "+")  # <sil>, [NOISE], ++BREATH++


class PocketSphinxRecogniser:
    """A SpeechRecogniser for English, spread over the cores."""

    name = "pocketsphinx"
    model = f"en-us-5.1-{ACTIVE_STATES}"
    languages = frozenset({"en"})
    detects_language = False
    # Mean word posterior of a whole transcript: flite alone 0.70–0.87, LibriVox 0.73; Spanish, French, German, Italian
    # 0.25–0.44; English over music 15 dB below it 0.38–0.52 (error rate 0.29–0.42), 10 dB below 0.30–0.37 (0.6–0.7).
    # A single short line can be anywhere between 0.2 and 0.9.
    doubtful_below: float | None = 0.5

    def __init__(self, settings: Settings) -> None:
        del settings

    def recognise(self, pieces: Iterable[Piece], language: str | None) -> Iterator[Recognised]:
        """The words of each piece as they come. Raises PermanentError `language_not_recognised`, TransientError."""
        tag = language or "en"
        if langcodes.get(tag).language != "en":
            raise PermanentError(
                "language_not_recognised", f"PocketSphinx knows English only, not {tag}. Give a transcript instead."
            )
        yield from shared_out(_Listener, pieces, len(os.sched_getaffinity(0)))


class _Listener:
    """One decoder, in a child process: it holds the GIL while it works."""

    def __init__(self) -> None:
        self._decoder = Decoder(loglevel="FATAL", maxhmmpf=ACTIVE_STATES)

    def __call__(self, piece: Piece) -> Recognised:
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
