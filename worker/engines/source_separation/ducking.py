"""No separation: the original itself is the background, made quieter under speech by the mix."""

from pathlib import Path

from shared.config import Settings
from worker.engines.protocols import Keep, Separation


class Ducking:
    """A SourceSeparator that separates nothing."""

    name = "ducking"
    model = "1"

    def __init__(self, settings: Settings) -> None:
        del settings

    def separate(self, sound: Path, out_dir: Path, keep: Keep) -> Separation:
        """No background of its own: the caller ducks the original."""
        del sound, out_dir, keep
        return Separation(background=None)
