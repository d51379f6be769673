"""Voiceprints, taken by a process of its own: librosa is large and slow to import, and goes with that process."""

from collections.abc import Callable, Iterable

from worker.crew import shared_out
from worker.diarisation.voiceprint import Voiceprint
from worker.engines.protocols import Sound


def voiceprints(sounds: Iterable[Sound]) -> list[Voiceprint]:
    """The voiceprint of each sound (mono, 16 kHz), in order; few sounds are in memory at a time.

    Raises TransientError `engine_crashed`.
    """
    return list(shared_out(_listener, sounds, 1))  # one process keeps the order


def _listener() -> Callable[[Sound], Voiceprint]:
    from worker.diarisation.listening import listener

    return listener()
