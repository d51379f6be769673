"""The seams behind which providers stand: one Protocol a slot, plain values in and out.

Every engine has `name` and `model` (both go into artifact fingerprints: change `model` when its output changes).
Engines raise TransientError or PermanentError (shared.errors) and nothing else for what a provider does wrong.
Constructing an engine is cheap and touches neither network nor disk; what is heavy loads at first use.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.dubbing.transcript import Word
from shared.voice import Voice as Voice

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono speech in memory: float32 samples in −1…1, a few minutes at most."""

    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / self.rate


@dataclass(frozen=True, slots=True)
class Piece:
    """A voiced stretch of the source, cut at silences: `sound` begins `start` seconds into the file."""

    index: int
    start: float
    sound: Sound


@dataclass(frozen=True, slots=True)
class Recognised:
    """The words of one piece, times in seconds from the start of the **file**, and the language if detected."""

    index: int
    words: tuple[Word, ...]
    language: str | None = None


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line to translate: its id within the transcript, its text, its speaker, its length in the source (seconds)."""

    id: int
    text: str
    speaker: str
    seconds: float


class SpeechRecogniser(Protocol):
    """Speech to words with times."""

    name: str
    model: str
    languages: frozenset[str]
    detects_language: bool
    # Below this mean word confidence the transcript is marked `recognition_doubtful`; None where it means nothing.
    doubtful_below: float | None

    def recognise(self, pieces: Iterable[Piece], language: str | None) -> Iterator[Recognised]:
        """The words of each piece, in any order, as they come; `language` None asks to detect it."""
        ...


class ForcedAligner(Protocol):
    """Times for words that are known."""

    name: str
    model: str
    languages: frozenset[str]

    def align(self, sound: Sound, words: Sequence[str], language: str) -> list[Word]:
        """One Word for each of `words`, in order, times in seconds within `sound`.

        Raises PermanentError `transcript_does_not_match` when the sound does not carry the words.
        """
        ...


class Translator(Protocol):
    """Text from one language into another."""

    name: str
    model: str
    batch_lines: int

    def pairs(self) -> frozenset[tuple[str, str]]:
        """The (source, target) languages served here, BCP-47."""
        ...

    def translate(self, lines: Sequence[SourceLine], source: str, target: str) -> list[str]:
        """One text for each line, in order; never empty for a line with words."""
        ...


class SpeechSynthesiser(Protocol):
    """Text to speech. Up to `parallel_lines` threads call `synthesise` at once."""

    name: str
    model: str
    parallel_lines: int

    def voices(self) -> tuple[Voice, ...]:
        """All voices of this engine."""
        ...

    def synthesise(self, text: str, voice_id: str, language: str) -> Sound:
        """`text` spoken at the voice's own rate. Raises PermanentError `voice_not_found`, `empty_speech`."""
        ...


@dataclass(frozen=True, slots=True)
class Separation:
    """What a separator made: the background alone, in a file like the source. None: duck the original."""

    background: Path | None


class SourceSeparator(Protocol):
    """Speech and background apart."""

    name: str
    model: str

    def separate(self, sound: Path, out_dir: Path) -> Separation:
        """Separate the FLAC at `sound`; files go to `out_dir`."""
        ...
