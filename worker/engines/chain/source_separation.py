"""Separators as one."""

from dataclasses import replace
from pathlib import Path

from worker.engines.chain.chain import Chain, label_of
from worker.engines.protocols import Keep, Separation, SourceSeparator


class SourceSeparationChain(Chain[SourceSeparator]):
    """A SourceSeparator; `ducking` at the end of a chain never fails."""

    def separate(self, sound: Path, out_dir: Path, keep: Keep) -> Separation:
        """As SourceSeparator has it; says who did it."""
        done = self.first(self.engines, lambda engine: engine.separate(sound, out_dir, keep))
        return replace(done.result, engine=label_of(done.engine), stands_in=bool(done.passed))
