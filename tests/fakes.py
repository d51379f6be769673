"""Fake engines, one of each Protocol: scripted, exact, and able to fail in the ways real ones do.

Real child processes use them by settings (`engine_modules=("tests.fakes",)`, `translation=("fake-slow",)`):

| name | does, before its work |
|---|---|
| fake | nothing |
| fake-slow | sleeps 2 s at each call |
| fake-gil | holds the GIL for 5 s, at the first call only |
| fake-segfault | crashes natively, at the first call only |
| fake-always-segfault | crashes natively, at each call |
| fake-transient | raises TransientError at the first call only |
| fake-always-transient | raises TransientError at each call |
| fake-permanent | raises PermanentError at each call |

"First" is across processes: a mark is left next to the scratch directory. Each call is noted there too: `calls()`.
"""

import ctypes
import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from shared.config import Settings
from shared.dubbing.transcript import Word
from shared.errors import PermanentError, TransientError
from worker.engines.protocols import (
    NO_SPEECH_CONTEXT,
    NO_TRANSLATION_CONTEXT,
    Keep,
    Piece,
    Recognised,
    Separation,
    Sound,
    SourceLine,
    SpeechContext,
    Translated,
    TranslationContext,
    Voice,
)
from worker.engines.registry import Registry

SCRIPT = ("this", "is", "what", "the", "fake", "recogniser", "always", "hears", "in", "each", "piece", "of", "sound")
WORD_SECONDS = 0.4
SECONDS_PER_LETTER = 0.06
RATE = 22_050
PAIRS = frozenset({("en", "es"), ("en", "fr"), ("en", "ca"), ("es", "en")})
VOICES = (
    Voice("fake:high", "High", ("en", "es", "fr", "ca"), "female"),
    Voice("fake:low", "Low", ("en", "es", "fr", "ca"), "male"),
)
PITCH = {"fake:high": 440.0, "fake:low": 220.0}

Before = Callable[[str], None]  # gets what is about to be done


def nothing(_work: str) -> None:
    """No mishap."""


class FakeRecogniser:
    name = "fake"
    model = "fake-1"
    languages = frozenset({"en", "es"})
    detects_language = True
    doubtful_below: float | None = 0.5
    longest_piece = 30.0
    diarises = False

    def __init__(self, before: Before = nothing, script: Sequence[str] = SCRIPT, confidence: float = 0.9) -> None:
        self._before, self._script, self._confidence = before, script, confidence

    def recognise(self, pieces: Iterable[Piece], language: str | None) -> Iterator[Recognised]:
        trouble: TransientError | None = None
        for piece in pieces:
            try:
                self._before(f"piece {piece.index}")
            except TransientError as error:
                trouble = trouble or error
            else:
                yield Recognised(piece.index, tuple(self._words(piece)), language or "en")
        if trouble:
            raise trouble

    def _words(self, piece: Piece) -> Iterator[Word]:
        count = int(piece.sound.seconds / WORD_SECONDS)
        for index, text in zip(range(count), cycle(self._script), strict=False):
            start = piece.start + index * WORD_SECONDS
            yield Word(text, round(start, 3), round(start + WORD_SECONDS * 0.8, 3), self._confidence)


class FakeAligner:
    """Every word gets the same share of the sound."""

    name = "fake"
    model = "fake-1"
    languages = frozenset({"en", "es"})

    def __init__(self, before: Before = nothing) -> None:
        self._before = before

    def align(self, sound: Sound, words: Sequence[str], language: str) -> list[Word]:
        self._before(f"{len(words)} words")
        if words and not np.any(sound.samples):
            raise PermanentError("transcript_does_not_match", "The sound is silent.")
        share = sound.seconds / max(1, len(words))
        return [Word(text, index * share, (index + 1) * share) for index, text in enumerate(words)]


class FakeTranslator:
    """`[es] hello`: as long as the original, and easy to tell."""

    name = "fake"
    model = "fake-1"
    batch_lines = 5
    shortens = True

    def __init__(self, before: Before = nothing, pairs: frozenset[tuple[str, str]] = PAIRS) -> None:
        self._before, self._pairs = before, pairs

    def pairs(self) -> frozenset[tuple[str, str]]:
        return self._pairs

    def translate(
        self,
        lines: Sequence[SourceLine],
        source: str,
        target: str,
        context: TranslationContext = NO_TRANSLATION_CONTEXT,
    ) -> Translated:
        if (source, target) not in self._pairs:
            raise PermanentError("unsupported_language_pair", f"No pair from {source} to {target}.")
        self._before(f"{target}: {','.join(str(line.id) for line in lines)}")
        texts = tuple(f"[{target}] {' '.join(line.text.split())}" for line in lines)
        return Translated(texts, f"{context.summary}{len(lines)} lines. ")

    def shorten(self, line: SourceLine, text: str, budget: int, source: str, target: str) -> str:
        """The words that fit; no fewer than one."""
        self._before(f"{target}: {line.id} in {budget}")
        words = text.split()
        while len(words) > 1 and len(" ".join(words)) > budget:
            words.pop()
        if len(" ".join(words)) >= len(text):
            raise PermanentError("cannot_shorten", "It is short already.")
        return " ".join(words)


class FakeSynthesiser:
    """A tone: 60 ms a letter at the voice's own rate, and its own pitch."""

    name = "fake"
    model = "fake-1"
    parallel_lines = 2
    rates = (0.8, 1.25)

    def __init__(self, before: Before = nothing) -> None:
        self._before = before

    def voices(self) -> tuple[Voice, ...]:
        return VOICES

    def synthesise(
        self,
        text: str,
        voice_id: str,
        language: str,
        *,
        rate: float = 1.0,
        context: SpeechContext = NO_SPEECH_CONTEXT,
    ) -> Sound:
        if voice_id not in PITCH:
            raise PermanentError("voice_not_found", f"No voice {voice_id!r}.")
        if not any(map(str.isalnum, text)):
            raise PermanentError("empty_speech", "Nothing to say.")
        self._before(f"{voice_id}: {text}")
        time_axis = np.arange(int(len(text) * SECONDS_PER_LETTER * RATE / rate)) / RATE
        return Sound((0.3 * np.sin(2 * np.pi * PITCH[voice_id] * time_axis)).astype(np.float32), RATE)


class FakeSeparator:
    name = "fake"
    model = "fake-1"

    def __init__(self, before: Before = nothing) -> None:
        self._before = before

    def separate(self, sound: Path, out_dir: Path, keep: Keep) -> Separation:
        self._before(sound.name)
        return Separation(background=None)


FAKES: dict[str, Callable[[Before], Any]] = {
    "speech_recognition": FakeRecogniser,
    "forced_alignment": FakeAligner,
    "translation": FakeTranslator,
    "speech_synthesis": FakeSynthesiser,
    "source_separation": FakeSeparator,
}


def sleep(_work: str) -> None:
    time.sleep(2)


def hold_gil(_work: str) -> None:
    ctypes.PyDLL(None).sleep(5)


def segfault(_work: str) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def transient(_work: str) -> None:
    raise TransientError("provider_unavailable", "The provider does not answer.")


def permanent(_work: str) -> None:
    raise PermanentError("provider_refused", "The provider refused this.")


# The mishap of each name, and whether it happens at the first call only.
MISHAPS: dict[str, tuple[Before, bool]] = {
    "fake": (nothing, False),
    "fake-slow": (sleep, False),
    "fake-gil": (hold_gil, True),
    "fake-segfault": (segfault, True),
    "fake-always-segfault": (segfault, False),
    "fake-transient": (transient, True),
    "fake-always-transient": (transient, False),
    "fake-permanent": (permanent, False),
}


def register(registry: Registry) -> None:
    """Make all fakes known."""
    for slot, make in FAKES.items():
        for name in MISHAPS:
            registry.register(slot, name, partial(_made, make, slot, name))


def calls(settings: Settings, slot: str | None = None) -> list[dict[str, Any]]:
    """What the fakes were asked to do, in order: `{slot, name, work, pid}`."""
    log = _marks(settings) / "calls.jsonl"
    noted = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [call for call in noted if slot in (None, call["slot"])]


def _made(make: Callable[[Before], Any], slot: str, name: str, settings: Settings) -> Any:
    return make(partial(_before, settings, slot, name))


def _before(settings: Settings, slot: str, name: str, work: str) -> None:
    marks = _marks(settings)
    marks.mkdir(parents=True, exist_ok=True)
    note = json.dumps({"slot": slot, "name": name, "work": work, "pid": os.getpid()}) + "\n"
    with (marks / "calls.jsonl").open("a") as log:
        log.write(note)
    mishap, once = MISHAPS[name]
    if not once or _first(marks / f"{slot}.{name}"):
        mishap(work)


def _first(mark: Path) -> bool:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _marks(settings: Settings) -> Path:
    return settings.scratch_dir.with_name(settings.scratch_dir.name + "-fakes")
