"""OpenAI's speech models, at OpenAI or at any server that speaks its language."""

import langcodes
from openai import omit

from shared.config import Settings
from shared.errors import PermanentError
from worker.engines.door import Usage, door
from worker.engines.protocols import NO_SPEECH_CONTEXT, Sound, SpeechContext, Voice
from worker.engines.sdk import openai as sdk
from worker.engines.sdk.openai_languages import SPOKEN
from worker.engines.speech_synthesis import pcm

RATE = 24_000  # Hz, of the format `pcm`
# OpenAI names no genders; these are how they sound. The last four don't speak with the tts-1 models.
_VOICES = (
    ("alloy", None), ("ash", "male"), ("coral", "female"), ("echo", "male"), ("fable", None), ("nova", "female"),
    ("onyx", "male"), ("sage", "female"), ("shimmer", "female"),
    ("ballad", "male"), ("cedar", "male"), ("marin", "female"), ("verse", "male"),
)  # fmt: skip
_NEWER = 4


class OpenAISynthesiser:
    """A SpeechSynthesiser."""

    name = "openai"
    rates = (0.25, 4.0)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._door = door(sdk.PROVIDER, settings)
        self.model = settings.openai_speech_model
        self.parallel_lines = 2 * settings.openai_concurrency  # while one line is stored, another is spoken

    def voices(self) -> tuple[Voice, ...]:
        """The built-in voices of the model; every one speaks every language."""
        offered = _VOICES[:-_NEWER] if self._old else _VOICES
        return tuple(Voice(f"openai:{name}", name.capitalize(), SPOKEN, gender) for name, gender in offered)

    def synthesise(
        self,
        text: str,
        voice_id: str,
        language: str,
        *,
        rate: float = 1.0,
        context: SpeechContext = NO_SPEECH_CONTEXT,
    ) -> Sound:
        """`text` at 24 kHz. Raises PermanentError `voice_not_found`, `empty_speech`, `content_refused`, and what may
        pass as TransientError."""
        del context  # there is no field for it, and a text among the instructions could be taken for one
        plain = pcm.demand_words(text)
        if voice_id not in {voice.voice_id for voice in self.voices()}:
            raise PermanentError("voice_not_found", f"OpenAI has no voice {voice_id!r}.")

        def spoken() -> Sound:
            with sdk.told():
                return pcm.sound(self._asked(plain, voice_id.removeprefix("openai:"), language, rate), RATE, self.name)

        usage = (Usage("characters", len(plain)),)
        return self._door.call(spoken, slot="speech_synthesis", model=self.model, usage=lambda _: usage)

    @property
    def _old(self) -> bool:
        return self.model.startswith("tts-1")

    def _asked(self, text: str, voice: str, language: str, rate: float) -> bytes:
        """The sound as it streams in."""
        speech = sdk.client(self._settings).audio.speech.with_streaming_response
        with speech.create(
            model=self.model,
            voice=voice,
            input=text,
            response_format="pcm",
            instructions=omit if self._old else f"Speak {langcodes.get(language).display_name('en')}.",
            speed=omit if rate == 1.0 else rate,
        ) as answer:
            return b"".join(answer.iter_bytes())
