"""Aligners as one."""

from collections.abc import Sequence

from shared.config import Settings
from shared.dubbing.transcript import Word
from worker.engines.chain.chain import Chain
from worker.engines.protocols import ForcedAligner, Sound


class ForcedAlignmentChain(Chain[ForcedAligner]):
    """A ForcedAligner."""

    def __init__(self, engines: Sequence[ForcedAligner], settings: Settings) -> None:
        super().__init__(engines, settings)
        self.languages = frozenset[str]().union(*(engine.languages for engine in engines))

    def align(self, sound: Sound, words: Sequence[str], language: str) -> list[Word]:
        """As ForcedAligner has it."""
        serving = [engine for engine in self.engines if language in engine.languages] or list(self.engines)
        return self.first(serving, lambda engine: engine.align(sound, words, language)).result
