"""ElevenLabs: voices of its library and of the account, with their neighbours' lines for the melody."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

import langcodes
from elevenlabs.core.api_error import ApiError
from elevenlabs.core.request_options import RequestOptions
from elevenlabs.types import VoiceSettings

from shared.config import Settings
from worker.engines.protocols import SpeechContext, Voice
from worker.engines.sdk import elevenlabs as sdk
from worker.engines.speech_synthesis.provider import Line, ProviderSynthesiser
from worker.engines.voice_cloning.names import CLONE

LISTING_SECONDS = 10
PAGES, PAGE = 20, 100
# https://elevenlabs.io/docs/overview/models, read 2026-11. Each voice speaks all that its model does.
_MULTILINGUAL_V2 = (
    "en", "ja", "zh", "de", "hi", "fr", "ko", "pt", "it", "es", "id", "nl", "tr", "fil", "pl", "sv", "bg", "ro", "ar",
    "cs", "el", "fi", "hr", "ms", "sk", "da", "ta", "uk", "ru",
)  # fmt: skip
_V2_5 = (*_MULTILINGUAL_V2, "hu", "no", "vi")
_V3 = (
    *_V2_5, "af", "as", "az", "be", "bn", "bs", "ca", "ceb", "cy", "et", "fa", "ga", "gl", "gu", "ha", "he", "hy", "is",
    "jv", "ka", "kk", "kn", "ky", "lb", "ln", "lt", "lv", "mk", "ml", "mr", "ne", "ny", "pa", "ps", "sd", "sl", "so",
    "sr", "sw", "te", "th", "ur",
)  # fmt: skip


class ElevenLabsSynthesiser(ProviderSynthesiser):
    """A SpeechSynthesiser."""

    name = sdk.PROVIDER
    title = "ElevenLabs"
    rates = (0.7, 1.2)
    sample_rate = 24_000  # 44.1 and 48 kHz need a larger plan

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, settings.elevenlabs_speech_model)

    def voices(self) -> tuple[Voice, ...]:
        """The account's voices, asked for once. Raises what the provider's failures are."""
        return _listed(self._settings)

    def _told(self) -> AbstractContextManager[None]:
        return sdk.told()

    def _asked(self, line: Line) -> bytes:
        options = {**_language(self.model, line.language), **_neighbours(self.model, line.context), **_speed(line.rate)}
        speech, form = sdk.client(self._settings).text_to_speech, "pcm_24000"
        try:
            sound = speech.stream(
                line.voice, text=line.text, model_id=self.model, output_format=form, seed=0, **options
            )
            return b"".join(sound)
        except ApiError as error:
            if error.status_code == 404 or sdk.vendor_code(error) in sdk.VOICE_GONE:
                raise self._gone(line) from error
            raise


def languages(model: str) -> tuple[str, ...]:
    """What the voices speak with this model."""
    if "v2_5" in model:
        return _V2_5
    return _V3 if "_v3" in model else _MULTILINGUAL_V2


def _language(model: str, language: str) -> dict[str, Any]:
    """Multilingual v2 tells the language from the text, and takes no code; the others refuse one they don't speak."""
    code = langcodes.get(language).language
    fits = "multilingual" not in model and code in languages(model)
    return {"language_code": code} if fits else {}


def _neighbours(model: str, context: SpeechContext) -> dict[str, Any]:
    if "_v3" in model:
        return {}  # it refuses them
    said = {"previous_text": context.previous_text, "next_text": context.next_text}
    return {name: text for name, text in said.items() if text}


def _speed(rate: float | None) -> dict[str, Any]:
    return {} if rate is None else {"voice_settings": VoiceSettings(speed=rate)}


@lru_cache(maxsize=4)
def _listed(settings: Settings) -> tuple[Voice, ...]:
    spoken = languages(settings.elevenlabs_speech_model)
    with sdk.told():
        # Clones are somebody's own: those that this service makes are never offered.
        return tuple(_voice(voice, spoken) for voice in _all(settings) if not (voice.name or "").startswith(CLONE))


def _all(settings: Settings) -> Iterator[Any]:
    options = RequestOptions(max_retries=0, timeout_in_seconds=LISTING_SECONDS)
    token: str | None = None
    for _ in range(PAGES):
        page = sdk.client(settings).voices.search(page_size=PAGE, next_page_token=token, request_options=options)
        yield from page.voices
        token = page.next_page_token
        if not page.has_more or not token:
            return


def _voice(voice: Any, spoken: tuple[str, ...]) -> Voice:
    labels = voice.labels or {}
    gender = labels.get("gender")
    return Voice(
        f"elevenlabs:{voice.voice_id}",
        voice.name or voice.voice_id,
        spoken,
        gender if gender in {"female", "male"} else None,
        voice.preview_url,
    )
