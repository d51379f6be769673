"""synthesize: each line in its speaker's voice, each a checkpoint of its own, so that editing one remakes one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import soundfile

from shared.dubbing.transcript import Segment
from shared.errors import PermanentError
from worker.artifacts import Artifact, Facts, Recipe
from worker.engines import registry
from worker.engines.protocols import SpeechSynthesiser
from worker.engines.retry import Patience, with_retries
from worker.media.line import trim_and_fade
from worker.stages.translate import Translation
from worker.threads import side_by_side
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


def synthesize(work: Work, language: str, translation: Translation, pitches: Mapping[str, float]) -> Spoken:
    """Speak the translation, several lines at once; `pitches` are the speakers' own, in Hz.

    Raises PermanentError `no_voice`, `voice_not_found`.
    """
    with work.progress.stage("synthesize", language) as step:
        synthesiser: SpeechSynthesiser = registry.build("speech_synthesis", work.settings)
        wished = work.request.wished_voices(language)
        voices = cast(translation.speakers, language, synthesiser.voices(), wished, pitches)
        speak = _Speak(work, synthesiser, language, voices)
        done = work.checkpoints.find(speak.recipe(line) for line in translation.lines)
        lines = []
        threads = min(synthesiser.parallel_lines, work.cores)
        for spoken in side_by_side(lambda line: speak.line(line, done), translation.lines, threads):
            lines.append(spoken)
            step.at(len(lines) / len(translation.lines))
        step.ran(speak.engine, whole=not done and bool(lines))
    return Spoken(tuple(lines), speak.engine)


class _Speak:
    """One language's synthesis."""

    def __init__(self, work: Work, synthesiser: SpeechSynthesiser, language: str, voices: Mapping[str, str]) -> None:
        self._work = work
        self._synthesiser = synthesiser
        self._language = language
        self._voices = voices
        self.engine = f"{synthesiser.name}/{synthesiser.model}"

    def recipe(self, line: Segment) -> Recipe:
        options = {"text": line.text, "voice": self._voices[line.speaker], "language": self._language}
        return Recipe("synthesize.line", VERSION, options=options, engine=self.engine, suffix=".flac")

    def line(self, line: Segment, done: Mapping[str, Artifact]) -> SpokenLine:
        """The line's speech; a line with nothing to say, or that the voice says nothing for, has none."""
        voice_id = self._voices[line.speaker]
        if not re.search(r"\w", line.text):
            return SpokenLine(line.id, line.text, voice_id, None, 0.0, ("nothing_to_say",))
        recipe = self.recipe(line)
        audio = done.get(recipe.fingerprint)
        try:
            audio = audio or self._work.checkpoints.make(recipe, lambda out: self._say(line.text, voice_id, out))
        except PermanentError as error:
            if error.code != "empty_speech":
                raise
            return SpokenLine(line.id, line.text, voice_id, None, 0.0, ("empty_speech",))
        return SpokenLine(line.id, line.text, voice_id, audio, audio.facts["seconds"])

    def _say(self, text: str, voice_id: str, out: Path) -> Facts:
        sound = with_retries(lambda: self._synthesiser.synthesise(text, voice_id, self._language), Patience())
        samples = trim_and_fade(sound.samples, sound.rate)
        soundfile.write(out, samples, sound.rate, subtype="PCM_16", format="FLAC")
        return {"seconds": len(samples) / sound.rate, "rate": sound.rate}
