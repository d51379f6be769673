"""Fish Audio: the account's own voices, and those of the public library that the operator chose."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import lru_cache

import langcodes
from fishaudio import TTSConfig
from fishaudio.core import RequestOptions
from fishaudio.types import Voice as FishVoice

from shared.config import Settings
from worker.engines.protocols import Voice
from worker.engines.sdk import fish as sdk
from worker.engines.speech_synthesis.provider import Line, ProviderSynthesiser
from worker.engines.voice_cloning.names import CLONE

LISTING_SECONDS = 10.0
PAGES, PAGE = 20, 100
# https://docs.fish.audio/features/text-to-speech, read 2026-11: any voice speaks any of them.
LANGUAGES = ("en", "zh", "ja", "ko", "de", "fr", "es", "ar", "ru", "nl", "it", "pl", "pt")


class FishSynthesiser(ProviderSynthesiser):
    """A SpeechSynthesiser. It tells the language from the text, and takes no neighbours."""

    name = sdk.PROVIDER
    title = "Fish Audio"
    rates = (0.5, 2.0)
    sample_rate = 44_100  # its own
    paid_by = "bytes"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, settings.fish_speech_model)

    def voices(self) -> tuple[Voice, ...]:
        """The account's own voices and the chosen ones, asked for once. Raises what the provider's failures are."""
        return _listed(self._settings)

    def _told(self) -> AbstractContextManager[None]:
        return sdk.told()

    def _asked(self, line: Line) -> bytes:
        config = TTSConfig(sample_rate=self.sample_rate, latency="normal")
        try:
            stream = sdk.client(self._settings).tts.stream(
                text=line.text, reference_id=line.voice, format="pcm", speed=line.rate, config=config, model=self.model
            )
            return b"".join(stream)
        except sdk.StatusError as error:
            if error.http_status == 404 or (error.http_status == 400 and "reference" in error.message.casefold()):
                raise self._gone(line) from error
            raise


@lru_cache(maxsize=4)
def _listed(settings: Settings) -> tuple[Voice, ...]:
    with sdk.told():
        found = {voice.id: voice for voice in (*_own(settings), *_chosen(settings)) if _is_offered(voice)}
    return tuple(map(_voice, found.values()))


def _own(settings: Settings) -> Iterator[FishVoice]:
    options = RequestOptions(timeout=LISTING_SECONDS)
    for number in range(1, PAGES + 1):
        page = sdk.client(settings).voices.list(
            page_size=PAGE, page_number=number, self_only=True, request_options=options
        )
        yield from page.items
        if number * PAGE >= page.total or not page.items:
            return


def _chosen(settings: Settings) -> Iterator[FishVoice]:
    """The operator's choice from the public library; one that is gone is left out."""
    for own_id in settings.fish_voices:
        try:
            yield sdk.client(settings).voices.get(own_id, request_options=RequestOptions(timeout=LISTING_SECONDS))
        except sdk.StatusError as error:
            if error.http_status != 404:
                raise


def _is_offered(voice: FishVoice) -> bool:
    """It speaks, and is no clone that this service made for somebody."""
    return voice.type == "tts" and voice.state == "trained" and not voice.title.startswith(CLONE)


def _voice(voice: FishVoice) -> Voice:
    tags = {tag.casefold() for tag in voice.tags}
    gender = next((gender for gender in ("female", "male") if gender in tags), None)
    preview = next((sample.audio for sample in voice.samples if sample.audio.startswith("https://")), None)
    own = (langcodes.standardize_tag(tag) for tag in voice.languages if langcodes.tag_is_valid(tag))
    return Voice(f"fish:{voice.id}", voice.title, tuple(dict.fromkeys((*own, *LANGUAGES))), gender, preview)
