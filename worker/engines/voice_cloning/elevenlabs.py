"""ElevenLabs' instant voice clones."""

from collections.abc import Sequence
from contextlib import suppress

from elevenlabs.core.api_error import ApiError

from shared.config import Settings
from shared.errors import PermanentError, PipelineError, TransientError
from worker.engines.door import door
from worker.engines.protocols import Sound
from worker.engines.sdk import elevenlabs as sdk
from worker.engines.speech_synthesis.elevenlabs import languages
from worker.engines.voice_cloning.files import flac

PAGES, PAGE = 20, 100
MODEL = "instant_voice_clone"
SLOT = "voice_cloning"
# The account has as many clones as it may: another job's go before long.
FULL = frozenset({"voice_limit_reached", "voice_add_edit_limit_reached", "max_voices_reached"})


class ElevenLabsCloner:
    """A VoiceCloner."""

    name = "elevenlabs"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._door = door(sdk.PROVIDER, settings)
        self.languages = frozenset(languages(settings.elevenlabs_speech_model))

    def clone(self, name: str, samples: Sequence[Sound], language: str) -> str:
        """The voice id of a new voice. Raises PermanentError `cloning_refused` for a protected voice."""
        files = [(f"{number}.flac", flac(sample), "audio/flac") for number, sample in enumerate(samples)]

        def made() -> tuple[str, bool]:
            with sdk.told():
                try:
                    voice = sdk.client(self._settings).voices.ivc.create(
                        name=name, files=list(files), labels={"language": language}, request_options=sdk.ONCE
                    )
                except ApiError as error:
                    if sdk.vendor_code(error) in FULL:
                        raise TransientError("provider_busy", "ElevenLabs holds as many clones as it may.") from error
                    raise
                return str(voice.voice_id), bool(voice.requires_verification)

        voice_id, unverified = self._door.call(made, slot=SLOT, model=MODEL, usage=lambda _: ())
        if unverified:
            with suppress(PipelineError):  # the sweep tries again; the chain would take it for a clone that was made
                self.delete(f"elevenlabs:{voice_id}")
            raise PermanentError("cloning_refused", "ElevenLabs wants proof of whose voice this is: choose a voice.")
        return f"elevenlabs:{voice_id}"

    def delete(self, voice_id: str) -> None:
        """Delete the clone; nothing happens where it is gone already."""

        def deleted() -> None:
            with sdk.told():
                try:
                    voices = sdk.client(self._settings).voices
                    voices.delete(voice_id.removeprefix("elevenlabs:"), request_options=sdk.ONCE)
                except ApiError as error:
                    if error.status_code != 404 and sdk.vendor_code(error) not in sdk.VOICE_GONE:
                        raise

        self._door.call(deleted, slot=SLOT, model=MODEL, usage=lambda _: ())

    def owned(self, prefix: str) -> list[str]:
        """The ids of the clones whose name begins with `prefix`."""

        def listed() -> list[str]:
            with sdk.told():
                return [f"elevenlabs:{own_id}" for own_id in self._named(prefix)]

        return self._door.call(listed, slot=SLOT, model=MODEL, usage=lambda _: ())

    def _named(self, prefix: str) -> list[str]:
        found: list[str] = []
        token: str | None = None
        for _ in range(PAGES):
            page = sdk.client(self._settings).voices.search(
                search=prefix, category="cloned", page_size=PAGE, next_page_token=token, request_options=sdk.ONCE
            )
            found += [voice.voice_id for voice in page.voices if (voice.name or "").startswith(prefix)]
            token = page.next_page_token
            if not page.has_more or not token:
                break
        return found
