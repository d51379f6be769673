"""What recognisers make up where nobody speaks, or when they are stuck: found and dropped. Pure.

Whisper's own thresholds: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 4.5.
"""

import re
import zlib
from collections.abc import Sequence

from shared.dubbing.transcript import Word
from worker.spans import Span, intersection, total, union

NO_SPEECH = 0.6  # probability of "no speech" above which a doubtful text is dropped
LOG_PROBABILITY = -1.0  # mean log probability of a token below which a text is doubtful
HOPELESS = -1.5  # … and below which it is dropped whatever the rest says
COMPRESSION = 2.4  # text length by its zlib length above which it repeats itself

PHRASE_PAUSE = 0.6  # seconds between two words that do not belong to one phrase
VOICE_MARGIN = 0.25  # seconds that word times may be off
VOICED_SHARE = 0.1  # of a phrase's time that has to be voiced at the least
# How often in a row people say the same words on purpose, by the number of words; beyond that it is a loop.
SAID_IN_A_ROW = {1: 6, 2: 4}
SAID_IN_A_ROW_ELSE = 2
LONGEST_LOOP = 12  # words

_MEANINGLESS = re.compile(r"[\W_]+")


def credible(
    text: str,
    *,
    no_speech: float | None = None,
    log_probability: float | None = None,
    compression: float | None = None,
) -> bool:
    """Whether a recogniser's stretch of text was likely said, by what it told of it (None: nothing).

    `no_speech` is a probability, `log_probability` the mean over the text's tokens, `compression` the text's length by
    its compressed length; that is computed where it is not told.
    """
    if log_probability is not None and log_probability < HOPELESS:
        return False
    if (compression_ratio(text) if compression is None else compression) > COMPRESSION:
        return False
    doubtful = log_probability is not None and log_probability < LOG_PROBABILITY
    return not (doubtful and no_speech is not None and no_speech > NO_SPEECH)


def compression_ratio(text: str) -> float:
    """The text's length in bytes by its length when compressed, as Whisper measures it; 0 for no text."""
    encoded = text.encode()
    return len(encoded) / len(zlib.compress(encoded)) if encoded else 0.0


def believable(words: Sequence[Word], voiced: Sequence[Span]) -> list[int]:
    """The indices of those `words` (in order) that were likely said: not outside all voices, not in a loop."""
    kept = _voiced(words, voiced)
    looped = set(_looped([words[index] for index in kept]))
    return [index for number, index in enumerate(kept) if number not in looped]


def _voiced(words: Sequence[Word], voiced: Sequence[Span]) -> list[int]:
    near = union(Span(start - VOICE_MARGIN, end + VOICE_MARGIN) for start, end in voiced)
    return [index for phrase in _phrases(words) if _spoken([words[i] for i in phrase], near) for index in phrase]


def _spoken(phrase: Sequence[Word], near: Sequence[Span]) -> bool:
    times = union((word.start, max(word.end, word.start + 0.01)) for word in phrase)
    return total(intersection(times, near)) >= VOICED_SHARE * total(times)


def _phrases(words: Sequence[Word]) -> list[list[int]]:
    phrases: list[list[int]] = []
    for index, word in enumerate(words):
        if index and word.start - words[index - 1].end < PHRASE_PAUSE:
            phrases[-1].append(index)
        else:
            phrases.append([index])
    return phrases


def _looped(words: Sequence[Word]) -> list[int]:
    """The indices of words that say again what was said too often in a row; the first time stays."""
    texts = [_MEANINGLESS.sub("", word.text).casefold() or word.text for word in words]
    looped: list[int] = []
    index = 0
    while index < len(texts):
        size, times = _loop(texts, index)
        looped += range(index + size, index + size * times)
        index += size * times
    return looped


def _loop(texts: Sequence[str], start: int) -> tuple[int, int]:
    """The phrase that begins a loop at `start`, as its number of words and of times; (1, 1) for none."""
    for size in range(1, LONGEST_LOOP + 1):
        times = _times(texts, start, size)
        if times > SAID_IN_A_ROW.get(size, SAID_IN_A_ROW_ELSE):
            return size, times
    return 1, 1


def _times(texts: Sequence[str], start: int, size: int) -> int:
    phrase, times = texts[start : start + size], 1
    while len(phrase) == size and texts[start + times * size : start + (times + 1) * size] == phrase:
        times += 1
    return times
