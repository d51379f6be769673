"""What the stand-ins hear: sound that a test has told them the words of is found again in whatever they get; any other
is really recognised, by PocketSphinx, and its speakers told apart by pitch."""

import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soundfile
import soxr

from shared.dubbing.transcript import Word
from worker.engines.protocols import Piece, Samples, Sound
from worker.engines.speech_recognition.pocketsphinx_decoder import Listener
from worker.engines.speech_recognition.turns import spread

RATE = 16_000
LOW_VOICE = 150.0  # Hz; flite's men lie below, its women above
PAUSE = 0.2  # seconds between two phrases
ALIKE = 0.5  # correlation above which a sound is a stretch of a known one


@dataclass(frozen=True)
class Said:
    """A word, its times in seconds, who said it, and what the recogniser makes of it."""

    text: str
    start: float
    end: float
    speaker: str = "ann"
    log_probability: float = -0.2
    no_speech: float = 0.01


@dataclass(frozen=True)
class Recording:
    """A sound (16 kHz) that the stand-ins know every word of; `language` is an English name."""

    samples: Samples
    said: Sequence[Said]
    language: str = "english"


def even(text: str, seconds: float, speaker: str = "ann", start: float = 0.0) -> list[Said]:
    """The words of `text`, each as long as its letters, over a sound of that length."""
    return [Said(word.text, word.start, word.end, speaker) for word in spread(text, start, start + seconds)]


KNOWN: list[Recording] = []
_ear = threading.Lock()


def decoded(file: bytes) -> Samples:
    """The file as mono samples at 16 kHz."""
    samples, rate = soundfile.read(io.BytesIO(file), dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    resampled: Samples = mono if rate == RATE else soxr.resample(mono, rate, RATE)
    return resampled


def heard(samples: Samples) -> tuple[list[Said], str]:
    """The words in `samples`, times within them, and the language (its English name)."""
    for recording in KNOWN:
        offset = _offset(samples, recording.samples)
        if offset is not None:
            return _stretch(recording.said, offset, offset + len(samples) / RATE), recording.language
    return _recognised(samples), "english"


def _stretch(said: Sequence[Said], start: float, end: float) -> list[Said]:
    """What is said from `start` to `end`; a word that is cut is heard wrong."""
    return [
        Said(
            word.text if word.start >= start and word.end <= end else f"{word.text[:2]}-",
            max(word.start, start) - start,
            min(word.end, end) - start,
            word.speaker,
            word.log_probability,
            word.no_speech,
        )
        for word in said
        if word.start < end and word.end > start
    ]


def _offset(part: Samples, whole: Samples) -> float | None:
    """Where `part` lies in `whole` (seconds), by correlation; None where it isn't in it."""
    size = 1 << (len(part) + len(whole)).bit_length()
    product = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)
    best = int(np.argmax(product))
    offset = best if best < len(whole) else best - size
    stretch = whole[max(0, offset) : max(0, offset + len(part))]
    power = np.sqrt(float(np.sum(part**2)) * float(np.sum(stretch**2)))
    return offset / RATE if power and product[best] / power > ALIKE else None


def _recognised(samples: Samples) -> list[Said]:
    with _ear:
        return list(_by_sphinx(samples.tobytes()))


@lru_cache(maxsize=64)
def _by_sphinx(samples: bytes) -> tuple[Said, ...]:
    sound = np.frombuffer(samples, np.float32)
    words = _listener()(Piece(0, 0.0, Sound(sound, RATE))).words
    return tuple(
        Said(word.text, word.start, word.end, speaker)
        for phrase in _phrases(words)
        for speaker in [_speaker(sound, phrase)]
        for word in phrase
    )


@lru_cache(maxsize=1)
def _listener() -> Listener:
    return Listener()


def _phrases(words: Sequence[Word]) -> list[list[Word]]:
    phrases: list[list[Word]] = []
    for word in words:
        if phrases and word.start - phrases[-1][-1].end < PAUSE:
            phrases[-1].append(word)
        else:
            phrases.append([word])
    return phrases


def _speaker(samples: Samples, phrase: Sequence[Word]) -> str:
    """By the pitch of most words: `bob` if it is low."""
    low = [_pitch(samples[int(word.start * RATE) : int(word.end * RATE)]) < LOW_VOICE for word in phrase]
    return "bob" if sum(low) * 2 > len(low) else "ann"


def _pitch(part: Samples) -> float:
    """The strongest period between 70 and 350 Hz, by autocorrelation."""
    correlation = np.fft.irfft(np.abs(np.fft.rfft(part, 2 * len(part) + 1024)) ** 2)
    return RATE / (RATE // 350 + int(np.argmax(correlation[RATE // 350 : RATE // 70])))
