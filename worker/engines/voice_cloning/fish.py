"""Fish Audio's private voice models, made from reference audio."""

from collections.abc import Sequence

from shared.config import Settings
from worker.engines.door import door
from worker.engines.protocols import Sound
from worker.engines.sdk import fish as sdk
from worker.engines.speech_synthesis.fish import LANGUAGES
from worker.engines.voice_cloning.files import wav

PAGES, PAGE = 20, 100
MODEL = "voice_model"
SLOT = "voice_cloning"


class FishCloner:
    """A VoiceCloner. The reference is uploaded once, not with each line."""

    name = "fish"
    languages = frozenset(LANGUAGES)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._door = door(sdk.PROVIDER, settings)

    def clone(self, name: str, samples: Sequence[Sound], language: str) -> str:
        """The voice id of a new voice, seen by this account only."""
        files = [wav(sample) for sample in samples]

        def made() -> str:
            with sdk.told():
                voice = sdk.client(self._settings).voices.create(
                    title=name, voices=files, visibility="private", tags=[language]
                )
                return f"fish:{voice.id}"

        return self._door.call(made, slot=SLOT, model=MODEL, usage=lambda _: ())

    def delete(self, voice_id: str) -> None:
        """Delete the clone; nothing happens where it is gone already."""

        def deleted() -> None:
            with sdk.told():
                try:
                    sdk.client(self._settings).voices.delete(voice_id.removeprefix("fish:"))
                except sdk.StatusError as error:
                    if error.http_status != 404:
                        raise

        self._door.call(deleted, slot=SLOT, model=MODEL, usage=lambda _: ())

    def owned(self, prefix: str) -> list[str]:
        """The ids of the clones whose name begins with `prefix`."""

        def listed() -> list[str]:
            with sdk.told():
                return [f"fish:{own_id}" for own_id in self._named(prefix)]

        return self._door.call(listed, slot=SLOT, model=MODEL, usage=lambda _: ())

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
