"""Fish Audio's private voice models, made from reference audio."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from worker.engines.protocols import Sound
from worker.engines.sdk import fish as sdk
from worker.engines.sdk.sound_file import encoded
from worker.engines.speech_synthesis.fish import LANGUAGES
from worker.engines.voice_cloning.provider import ProviderCloner

PAGES, PAGE = 20, 100


class FishCloner(ProviderCloner):
    """A VoiceCloner. The reference is uploaded once, not with each line."""

    name = sdk.PROVIDER
    model = "voice_model"
    languages = frozenset(LANGUAGES)

    def clone(self, name: str, samples: Sequence[Sound], language: str) -> str:
        """The voice id of a new voice, seen by this account only."""
        files = [encoded(sample, "WAV", sample.rate) for sample in samples]

        def made() -> str:
            voice = sdk.client(self._settings).voices.create(
                title=name, voices=files, visibility="private", tags=[language]
            )
            return f"{self.name}:{voice.id}"

        return self._request(made)

    def _told(self) -> AbstractContextManager[None]:
        return sdk.told()

    def _deleted(self, own_id: str) -> None:
        try:
            sdk.client(self._settings).voices.delete(own_id)
        except sdk.StatusError as error:
            if error.http_status != 404:
                raise

    def _named(self, prefix: str) -> list[str]:
        found: list[str] = []
        for number in range(1, PAGES + 1):
            page = sdk.client(self._settings).voices.list(
                page_size=PAGE, page_number=number, self_only=True, title=prefix, sort_by="created_at"
            )
            found += [voice.id for voice in page.items if voice.title.startswith(prefix)]
            if number * PAGE >= page.total or not page.items:
                break
        return found
