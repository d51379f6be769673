"""What a stretch of speech says about whose it is. Small to import, for it travels between processes."""

from dataclasses import dataclass

CEPSTRA = 19  # MFCC 1 to 19; the 0th is loudness, which says nothing about who speaks


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """`cepstrum`: the means of MFCC 1 to 19 over the loud frames; `pitch`: their median F0 in Hz, None without a voice.

    `frames`: how many loud frames there were, 100 a second; none of the rest means anything where it is 0.
    """

    cepstrum: tuple[float, ...]
    pitch: float | None
    frames: int
