"""synthesize: each line in its speaker's voice, each a checkpoint of its own, so that editing one remakes one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import soundfile

from shared.errors import PermanentError
from worker.artifacts import Artifact, Facts, Recipe
from worker.engines import registry
from worker.engines.protocols import SpeechSynthesiser
from worker.engines.retry import Patience, with_retries
from worker.media.line import trim_and_fade
from worker.stages.transcribe import Heard
from worker.stages.translate import Translation
from worker.voices import cast
from worker.work import Work

VERSION = 1


@dataclass(frozen=True)
class SpokenLine:
    """A line as the voice says it at its own rate, silence trimmed; `seconds` long.

    `audio` is None where nothing is audible; `reasons` say why.
    """

    id: int
    text: str
    voice_id: str
    audio: Artifact | None
    seconds: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spoken:
    """All lines of one language, and which engine spoke them."""

    lines: tuple[SpokenLine, ...]
    engine: str


def synthesize(work: Work, language: str, heard: Heard, translation: Translation) -> Spoken:
    """Speak the translation. Raises PermanentError `no_voice`, `voice_not_found`."""
    work.progress.begin("synthesize", language)
    synthesiser: SpeechSynthesiser = registry.build("speech_synthesis", work.settings)
    speak = _Speak(work, synthesiser, language)
    voices = cast(heard.transcript.speakers, language, synthesiser.voices(), work.request.voices)
    recipes = {
        segment.id: speak.recipe(translation.texts[segment.id], voices[segment.speaker])
        for segment in heard.transcript.segments
    }
    done = work.checkpoints.find(recipes.values())
    lines = []
    for segment in heard.transcript.segments:
        lines.append(speak.line(segment.id, translation.texts[segment.id], voices[segment.speaker], done))
        work.progress.at(len(lines) / len(recipes))
    return Spoken(tuple(lines), speak.engine)


class _Speak:
    """One language's synthesis."""

    def __init__(self, work: Work, synthesiser: SpeechSynthesiser, language: str) -> None:
        self._work = work
        self._synthesiser = synthesiser
        self._language = language
        self.engine = f"{synthesiser.name}/{synthesiser.model}"

    def recipe(self, text: str, voice_id: str) -> Recipe:
        options = {"text": text, "voice": voice_id, "language": self._language}
        return Recipe("synthesize.line", VERSION, options=options, engine=self.engine, suffix=".flac")

    def line(self, line_id: int, text: str, voice_id: str, done: Mapping[str, Artifact]) -> SpokenLine:
        """The line's speech; a line with nothing to say, or that the voice says nothing for, has none."""
        if not re.search(r"\w", text):
            return SpokenLine(line_id, text, voice_id, None, 0.0, ("nothing_to_say",))
        recipe = self.recipe(text, voice_id)
        audio = done.get(recipe.fingerprint)
        try:
            audio = audio or self._work.checkpoints.make(recipe, lambda out: self._say(text, voice_id, out))
        except PermanentError as error:
            if error.code != "empty_speech":
                raise
            return SpokenLine(line_id, text, voice_id, None, 0.0, ("empty_speech",))
        return SpokenLine(line_id, text, voice_id, audio, audio.facts["seconds"])

    def _say(self, text: str, voice_id: str, out: Path) -> Facts:
        sound = with_retries(lambda: self._synthesiser.synthesise(text, voice_id, self._language), Patience())
        samples = trim_and_fade(sound.samples, sound.rate)
        soundfile.write(out, samples, sound.rate, subtype="PCM_16", format="FLAC")
        return {"seconds": len(samples) / sound.rate, "rate": sound.rate}
