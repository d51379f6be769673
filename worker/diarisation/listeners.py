"""Voiceprints, taken by a process of its own: librosa is large and slow to import, and goes with that process."""

from collections.abc import Callable, Iterable

from worker.crew import Crew
from worker.diarisation.compiled import kept
from worker.diarisation.voiceprint import Voiceprint
from worker.engines.protocols import Sound


class Listener:
    """The process, from its start to `close`. It is started by the first sounds, or before, to have it loaded then."""

    def __init__(self) -> None:
        self._crew: Crew[Sound, Voiceprint] | None = None

    def start(self) -> None:
        """Let it load. Does nothing where it was started already."""
        if self._crew is None:
            self._crew = Crew(listener, 1)

    def voiceprints(self, sounds: Iterable[Sound]) -> list[Voiceprint]:
        """The voiceprint of each sound (mono, 16 kHz), in order; few sounds are in memory at a time.

        Raises TransientError `engine_crashed`.
        """
        self.start()
        assert self._crew is not None
        return list(self._crew.share_out(sounds))  # one child keeps the order

    def close(self) -> None:
        """End it."""
        if self._crew is not None:
            self._crew.close()


def listener() -> Callable[[Sound], Voiceprint]:
    """The function that hears, in this process from now on: import it from nowhere else (see `kept`)."""
    with kept():
        from worker.diarisation.listening import listener as loaded

        return loaded()


if __name__ == "__main__":  # so that the first job need not compile: the installer and a hook of the platform do this
    listener()
