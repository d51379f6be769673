"""OpenAI's speech models, at OpenAI or at any server that speaks its language."""

from contextlib import AbstractContextManager

import langcodes
from openai import omit

from shared.config import Settings
from worker.engines.protocols import Voice
from worker.engines.sdk import openai as sdk
from worker.engines.sdk.openai_languages import SPOKEN
from worker.engines.speech_synthesis.provider import Line, ProviderSynthesiser

# OpenAI names no genders; these are how they sound. The last four don't speak with the tts-1 models.
_VOICES = (
    ("alloy", None), ("ash", "male"), ("coral", "female"), ("echo", "male"), ("fable", None), ("nova", "female"),
    ("onyx", "male"), ("sage", "female"), ("shimmer", "female"),
    ("ballad", "male"), ("cedar", "male"), ("marin", "female"), ("verse", "male"),
)  # fmt: skip
_NEWER = 4


class OpenAISynthesiser(ProviderSynthesiser):
    """A SpeechSynthesiser."""

    name = sdk.PROVIDER
    title = "OpenAI"
    rates = (0.25, 4.0)
    sample_rate = 24_000  # of the format `pcm`

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, settings.openai_speech_model)

    def voices(self) -> tuple[Voice, ...]:
        """The built-in voices of the model; every one speaks every language."""
        offered = _VOICES[:-_NEWER] if self._old else _VOICES
        return tuple(Voice(f"openai:{name}", name.capitalize(), SPOKEN, gender) for name, gender in offered)

    @property
    def _old(self) -> bool:
        return self.model.startswith("tts-1")

    def _may_be_a_voice(self, own_id: str) -> bool:
        return f"openai:{own_id}" in {voice.voice_id for voice in self.voices()}

    def _told(self) -> AbstractContextManager[None]:
        return sdk.told()

    def _asked(self, line: Line) -> bytes:
        # There is no field for what is said before and after, and among the instructions it could be taken for one.
        speech = sdk.client(self._settings).audio.speech.with_streaming_response
        with speech.create(
            model=self.model,
            voice=line.voice,
            input=line.text,
            response_format="pcm",
            instructions=omit if self._old else f"Speak {langcodes.get(line.language).display_name('en')}.",
            speed=omit if line.rate is None else line.rate,
        ) as answer:
            return b"".join(answer.iter_bytes())
