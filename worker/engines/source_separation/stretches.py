"""A long sound in stretches that a separator takes, each beginning a little before its predecessor's end. Pure."""

from typing import NamedTuple


class Stretch(NamedTuple):
    """Frames of a sound: `length` of them from frame `first` on."""

    first: int
    length: int


def stretches(frames: int, longest: int, overlap: int, shortest: int = 0) -> list[Stretch]:
    """`frames` in stretches of at most `longest`, each with `overlap` frames of the one before, none below `shortest`.

    A sound that is itself shorter is one stretch, or none if it is empty. `shortest` is at most half of `longest`.
    """
    if frames <= longest:
        return [Stretch(0, frames)] if frames else []
    step = longest - overlap
    count = -(-(frames - overlap) // step)
    firsts = [number * step for number in range(count)]
    if frames - firsts[-1] < max(shortest, overlap + 1):
        firsts[-1] = frames - max(shortest, overlap + 1)
    ends = [*(first + overlap for first in firsts[1:]), frames]
    return [Stretch(first, end - first) for first, end in zip(firsts, ends, strict=True)]
