"""The seams behind which providers stand: one Protocol a slot, plain values in and out.

Every engine has `name` and `model` (both go into artifact fingerprints: change `model` when its output changes).
Engines raise TransientError or PermanentError (worker.engines.errors) and nothing else for what a provider does wrong.
An engine makes one attempt a request and never tries again: that, and who follows, is for worker.engines.chain.
Constructing an engine is cheap and touches neither network nor disk; what is heavy loads at first use.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.dubbing.transcript import Word
from shared.voice import Voice as Voice

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono speech in memory: float32 samples in −1…1, a quarter of an hour at most."""

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
    """The words of one piece, times in seconds from the start of the **file**, and the language if detected.

    `speakers`: who says each word, where the engine diarises. A name means the same person in every piece that has it;
    one that counts within the piece only begins with the piece's index and a colon. `engine` is who heard it
    (`name/model`); the chain says so.
    """

    index: int
    words: tuple[Word, ...]
    language: str | None = None
    speakers: tuple[str, ...] | None = None
    engine: str = ""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line to translate: its id within the transcript, its text, its speaker, its length in the source (seconds).

    `budget` is how many characters of the translation fit, where that is known.
    """

    id: int
    text: str
    speaker: str
    seconds: float
    budget: int | None = None


@dataclass(frozen=True, slots=True)
class TranslationContext:
    """What helps to translate a batch: its neighbours, the story so far, terms with their renderings (or themselves,
    to be kept), and how each speaker talks (by speaker). An engine that can't use it leaves it."""

    before: tuple[SourceLine, ...] = ()
    after: tuple[SourceLine, ...] = ()
    summary: str = ""
    glossary: Mapping[str, str] = field(default_factory=dict)
    register: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Translated:
    """One text for each line of a batch, in order, and the story so far with this batch in it.

    `refused` are the ids of lines that the provider would not translate: their texts are empty. `engines` is who did
    each line (`name/model`); the chain says so.
    """

    texts: tuple[str, ...]
    summary: str = ""
    refused: frozenset[int] = frozenset()
    engines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpeechContext:
    """What is said before and after a line, for its melody."""

    previous_text: str = ""
    next_text: str = ""


NO_TRANSLATION_CONTEXT = TranslationContext()
NO_SPEECH_CONTEXT = SpeechContext()


class SpeechRecogniser(Protocol):
    """Speech to words with times."""

    name: str
    model: str
    languages: frozenset[str]
    detects_language: bool
    # Below this mean word confidence the transcript is marked `recognition_doubtful`; None where it means nothing.
    doubtful_below: float | None
    # Seconds of sound in a piece at most; pieces are cut at silences. Longer where the engine wants more context.
    longest_piece: float
    diarises: bool

    def recognise(self, pieces: Iterable[Piece], language: str | None) -> Iterator[Recognised]:
        """The words of each piece, in any order, as they come; `language` None asks to detect it.

        What met trouble is left out, and the first TransientError raised when all others have come.
        """
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
    # Whether `shorten` can do anything.
    shortens: bool

    def pairs(self) -> frozenset[tuple[str, str]]:
        """The (source, target) languages served here, BCP-47."""
        ...

    def translate(
        self,
        lines: Sequence[SourceLine],
        source: str,
        target: str,
        context: TranslationContext = NO_TRANSLATION_CONTEXT,
    ) -> Translated:
        """One text for each line, in order; empty only for a line without words, or refused."""
        ...

    def shorten(self, line: SourceLine, text: str, budget: int, source: str, target: str) -> str:
        """A rendering of `line` shorter than `text`, of `budget` characters if it can be.

        Raises PermanentError `cannot_shorten`.
        """
        ...


class SpeechSynthesiser(Protocol):
    """Text to speech. Up to `parallel_lines` threads call `synthesise` at once."""

    name: str
    model: str
    parallel_lines: int
    # How much slower and faster than its own rate it can be asked to speak; (1.0, 1.0) where it can't.
    rates: tuple[float, float]

    def voices(self) -> tuple[Voice, ...]:
        """All voices of this engine."""
        ...

    def synthesise(
        self,
        text: str,
        voice_id: str,
        language: str,
        *,
        rate: float = 1.0,
        context: SpeechContext = NO_SPEECH_CONTEXT,
    ) -> Sound:
        """`text` spoken at `rate` times the voice's own rate (within `rates`).

        Raises PermanentError `voice_not_found`, `empty_speech`, `content_refused`.
        """
        ...


class VoiceCloner(Protocol):
    """Voices made from somebody's own speech, for one job; the engine of the same name speaks with them."""

    name: str
    # What the clones speak (BCP-47).
    languages: frozenset[str]

    def clone(self, name: str, samples: Sequence[Sound], language: str) -> str:
        """The voice id (`<engine>:<id>`) of a new voice, called `name`."""
        ...

    def delete(self, voice_id: str) -> None:
        """Delete a clone; nothing happens where it is gone already."""
        ...

    def owned(self, prefix: str) -> list[str]:
        """The voice ids of all clones whose name begins with `prefix`."""
        ...


@dataclass(frozen=True, slots=True)
class Separation:
    """What a separator made: the background alone, in a file like the source. None: duck the original.

    `engine` is who did it (`name/model`), and `stands_in` whether for one that could not; the chain says so.
    """

    background: Path | None
    engine: str = ""
    stands_in: bool = False


# Gives the file that an earlier try kept under that name, whatever became of the try; else what the function writes to
# the path that it gets. The name says all that the file hangs on but the sound.
Keep = Callable[[str, Callable[[Path], None]], Path]


class SourceSeparator(Protocol):
    """Speech and background apart."""

    name: str
    model: str

    def separate(self, sound: Path, out_dir: Path, keep: Keep) -> Separation:
        """Separate the FLAC at `sound`; files go to `out_dir`, and what was paid for on the way through `keep`."""
        ...
