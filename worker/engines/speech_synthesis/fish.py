"""Fish Audio: the account's own voices, and those of the public library that the operator chose."""

import re
from collections.abc import Iterator
from functools import lru_cache

import langcodes
from fishaudio import TTSConfig
from fishaudio.core import RequestOptions
from fishaudio.types import Voice as FishVoice

from shared.config import Settings
from shared.errors import PermanentError
from worker.engines.door import Usage, door
from worker.engines.protocols import NO_SPEECH_CONTEXT, Sound, SpeechContext, Voice
from worker.engines.sdk import fish as sdk
from worker.engines.speech_synthesis import pcm
from worker.engines.voice_cloning.names import CLONE

RATE = 44_100  # Hz, its own
LISTING_SECONDS = 10.0
PAGES, PAGE = 20, 100
# https://docs.fish.audio/features/text-to-speech, read 2026-11: any voice speaks any of them.
LANGUAGES = ("en", "zh", "ja", "ko", "de", "fr", "es", "ar", "ru", "nl", "it", "pl", "pt")
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class FishSynthesiser:
    """A SpeechSynthesiser."""

    name = "fish"
    rates = (0.5, 2.0)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._door = door(sdk.PROVIDER, settings)
        self.model = settings.fish_speech_model
        self.parallel_lines = 2 * settings.fish_concurrency  # while one line is stored, another is spoken

    def voices(self) -> tuple[Voice, ...]:
        """The account's own voices and the chosen ones, asked for once. Raises what the provider's failures are."""
        return _listed(self._settings)

    def synthesise(
        self,
        text: str,
        voice_id: str,
        language: str,
        *,
        rate: float = 1.0,
        context: SpeechContext = NO_SPEECH_CONTEXT,
    ) -> Sound:
        """`text` at 44.1 kHz. Raises PermanentError `voice_not_found`, `empty_speech`, `content_refused`, and what may
        pass as TransientError."""
        del language, context  # it tells the language from the text, and takes no neighbours
        plain, own_id = pcm.demand_words(text), voice_id.removeprefix("fish:")
        if own_id == voice_id or not _ID.fullmatch(own_id):
            raise _not_found(voice_id)

        def spoken() -> Sound:
            with sdk.told():
                return pcm.sound(self._asked(plain, voice_id, own_id, rate), RATE, self.name)

        usage = (Usage("bytes", len(plain.encode())),)  # of UTF-8: that is what is paid for
        return self._door.call(spoken, slot="speech_synthesis", model=self.model, usage=lambda _: usage)

    def _asked(self, text: str, voice_id: str, own_id: str, rate: float) -> bytes:
        config = TTSConfig(sample_rate=RATE, latency="normal")
        speed = None if rate == 1.0 else rate
        try:
            stream = sdk.client(self._settings).tts.stream(
                text=text, reference_id=own_id, format="pcm", speed=speed, config=config, model=self.model
            )
            return b"".join(stream)
        except sdk.StatusError as error:
            if error.http_status == 404 or (error.http_status == 400 and "reference" in error.message.casefold()):
                raise _not_found(voice_id) from error
            raise


def _not_found(voice_id: str) -> PermanentError:
    message = f"Fish Audio has no voice {voice_id!r} (any more). GET /voices lists those there are."
    return PermanentError("voice_not_found", message)


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
