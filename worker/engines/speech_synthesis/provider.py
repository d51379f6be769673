"""What all synthesisers behind a provider's door do alike."""

import re
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import ClassVar, NamedTuple

from shared.config import Settings
from shared.errors import PermanentError
from worker.engines.door import Unit, Usage, door, paid
from worker.engines.protocols import NO_SPEECH_CONTEXT, Sound, SpeechContext, Voice
from worker.engines.speech_synthesis import pcm

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Line(NamedTuple):
    """A line as a provider is asked for it; `voice` is the provider's own id, `rate` None where it is the voice's."""

    text: str
    voice: str
    language: str
    rate: float | None
    context: SpeechContext


class ProviderSynthesiser(ABC):
    """A SpeechSynthesiser that asks a provider for 16-bit samples, one request a line.

    `name` is the provider's too, `title` how it is called in sentences, `sample_rate` the Hz of its sound, and
    `paid_by` what a line's price is counted in; bytes are those of UTF-8.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    rates: ClassVar[tuple[float, float]]
    sample_rate: ClassVar[int]
    paid_by: ClassVar[Unit] = "characters"

    def __init__(self, settings: Settings, model: str) -> None:
        self._settings = settings
        self._door = door(self.name, settings)
        self.model = model
        # While one line is stored, another is spoken.
        self.parallel_lines = 2 * int(getattr(settings, f"{self.name}_concurrency"))

    @abstractmethod
    def voices(self) -> tuple[Voice, ...]:
        """The voices there are. Raises what the provider's failures are."""

    def synthesise(
        self,
        text: str,
        voice_id: str,
        language: str,
        *,
        rate: float = 1.0,
        context: SpeechContext = NO_SPEECH_CONTEXT,
    ) -> Sound:
        """`text` at `sample_rate`. Raises PermanentError `voice_not_found`, `empty_speech`, `content_refused`, and what
        may pass as TransientError."""
        plain, own_id = pcm.demand_words(text), voice_id.removeprefix(f"{self.name}:")
        if own_id == voice_id or not self._may_be_a_voice(own_id):
            raise self._not_found(voice_id)
        line = Line(plain, own_id, language, None if rate == 1.0 else rate, context)

        usage = (Usage(self.paid_by, len(plain.encode() if self.paid_by == "bytes" else plain)),)

        def spoken() -> Sound:
            with self._told():
                samples = self._asked(line)
            with paid(usage):
                return pcm.sound(samples, self.sample_rate, self.name)

        return self._door.call(spoken, slot="speech_synthesis", model=self.model, usage=lambda _: usage)

    @abstractmethod
    def _told(self) -> AbstractContextManager[None]:
        """What the SDK raises within, in our words."""

    @abstractmethod
    def _asked(self, line: Line) -> bytes:
        """The samples of one request, as they stream in. Raises also what the SDK does."""

    def _gone(self, line: Line) -> PermanentError:
        """The error for a voice that the provider does not know."""
        return self._not_found(f"{self.name}:{line.voice}")

    def _may_be_a_voice(self, own_id: str) -> bool:
        """Whether it is worth asking for; ids are put into addresses."""
        return _ID.fullmatch(own_id) is not None

    def _not_found(self, voice_id: str) -> PermanentError:
        message = f"{self.title} has no voice {voice_id!r} (any more). GET /voices lists those there are."
        return PermanentError("voice_not_found", message)
