"""The sound that providers send: 16-bit little-endian mono samples, without a header. Pure."""

import numpy as np

from shared.errors import PermanentError
from worker.engines import errors
from worker.engines.protocols import Sound


def sound(data: bytes, rate: int, provider: str) -> Sound:
    """The samples of `data`. Raises TransientError `provider_answer_malformed` for none, silence or half a sample."""
    if len(data) % 2:
        raise errors.malformed(provider, "its sound ends within a sample")
    samples = np.frombuffer(data, "<i2")
    if not np.any(samples):
        raise errors.no_sound(provider)
    return Sound(samples.astype(np.float32) / np.float32(32768), rate)


def demand_words(text: str) -> str:
    """`text` on one line. Raises PermanentError `empty_speech` for one without a letter or digit."""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if not any(map(str.isalnum, plain)):
        raise PermanentError("empty_speech", "There is nothing to say in this line.")
    return plain
