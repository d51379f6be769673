"""The engine that clones voices, tried again where that may help."""

from collections.abc import Sequence

from shared.config import Settings
from worker.engines.protocols import Sound, VoiceCloner
from worker.engines.retry import Patience, with_retries


class PatientCloner:
    """A VoiceCloner around one. Only the engine that made a clone speaks with it: there is nobody to hand over to."""

    def __init__(self, cloner: VoiceCloner, settings: Settings) -> None:
        self._cloner = cloner
        self._patience = Patience(
            settings.engine_attempts, settings.engine_patience_seconds, settings.engine_first_wait_seconds
        )
        self.name = cloner.name
        self.languages = cloner.languages

    def clone(self, name: str, samples: Sequence[Sound], language: str) -> str:
        """As VoiceCloner has it. A clone whose answer was lost on the way is found by its name, not made twice."""

        def attempt() -> str:
            there = self._cloner.owned(name)
            return there[0] if there else self._cloner.clone(name, samples, language)

        return with_retries(attempt, self._patience)

    def delete(self, voice_id: str) -> None:
        """As VoiceCloner has it."""
        with_retries(lambda: self._cloner.delete(voice_id), self._patience)

    def owned(self, prefix: str) -> list[str]:
        """As VoiceCloner has it."""
        return with_retries(lambda: self._cloner.owned(prefix), self._patience)
