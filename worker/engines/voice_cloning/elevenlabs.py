"""ElevenLabs' instant voice clones."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress

from elevenlabs.core.api_error import ApiError

from shared.config import Settings
from shared.errors import PermanentError, PipelineError, TransientError
from worker.engines.protocols import Sound
from worker.engines.sdk import elevenlabs as sdk
from worker.engines.sdk.sound_file import encoded
from worker.engines.speech_synthesis.elevenlabs import languages
from worker.engines.voice_cloning.provider import ProviderCloner

PAGES, PAGE = 20, 100
# The account has as many clones as it may: another job's go before long.
FULL = frozenset({"voice_limit_reached", "voice_add_edit_limit_reached", "max_voices_reached"})


class ElevenLabsCloner(ProviderCloner):
    """A VoiceCloner."""

    name = sdk.PROVIDER
    model = "instant_voice_clone"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.languages = frozenset(languages(settings.elevenlabs_speech_model))

    def clone(self, name: str, samples: Sequence[Sound], language: str) -> str:
        """The voice id of a new voice. Raises PermanentError `cloning_refused` for a protected voice."""
        files = [(f"{at}.flac", encoded(one, rate=one.rate), "audio/flac") for at, one in enumerate(samples)]

        def made() -> tuple[str, bool]:
            try:
                voice = sdk.client(self._settings).voices.ivc.create(
                    name=name, files=list(files), labels={"language": language}, request_options=sdk.ONCE
                )
            except ApiError as error:
                if sdk.vendor_code(error) in FULL:
                    raise TransientError("provider_busy", "ElevenLabs holds as many clones as it may.") from error
                raise
            return str(voice.voice_id), bool(voice.requires_verification)

        own_id, unverified = self._request(made)
        voice_id = f"{self.name}:{own_id}"
        if unverified:
            with suppress(PipelineError):  # the sweep tries again; the chain would take it for a clone that was made
                self.delete(voice_id)
            raise PermanentError("cloning_refused", "ElevenLabs wants proof of whose voice this is: choose a voice.")
        return voice_id

    def _told(self) -> AbstractContextManager[None]:
        return sdk.told()

    def _deleted(self, own_id: str) -> None:
        try:
            sdk.client(self._settings).voices.delete(own_id, request_options=sdk.ONCE)
        except ApiError as error:
            if error.status_code != 404 and sdk.vendor_code(error) not in sdk.VOICE_GONE:
                raise

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
