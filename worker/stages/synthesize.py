"""synthesize: each line in its speaker's voice, each a checkpoint of its own, so that editing one remakes one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import soundfile

from shared.dubbing.transcript import Segment
from shared.errors import PermanentError
from worker.artifacts import Artifact, Facts, Recipe
from worker.engines import chain
from worker.engines.chain import SpeechSynthesisChain, Utterance, who
from worker.media.line import trim_and_fade
from worker.stages.translate import Translation
from worker.threads import side_by_side
from worker.voices import cast
from worker.work import Work

VERSION = 2


@dataclass(frozen=True)
class SpokenLine:
    """A line as the voice says it at its own rate, silence trimmed; `seconds` long, spoken by `engine`.

    `audio` is None where nothing is audible; `reasons` say why, and why the voice is not the one asked for.
    """

    id: int
    text: str
    voice_id: str
    audio: Artifact | None
    seconds: float
    reasons: tuple[str, ...] = ()
    engine: str = ""


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
        synthesiser = chain.speech_synthesis(work.settings)
        wished = work.request.wished_voices(language)
        offered = synthesiser.voices_for(language, wished)
        speak = _Speak(work, synthesiser, language, cast(translation.speakers, language, offered, wished, pitches))
        done = work.checkpoints.find(speak.recipe(line) for line in translation.lines)
        lines = []
        spoken_lines = side_by_side(lambda line: speak.line(line, done), translation.lines, synthesiser.parallel_lines)
        for spoken in spoken_lines:
            lines.append(spoken)
            step.at(len(lines) / len(translation.lines))
        step.ran(synthesiser.label, whole=not done and bool(lines))
    return Spoken(tuple(lines), who(line.engine for line in lines if line.engine) or synthesiser.label)


class _Speak:
    """One language's synthesis."""

    def __init__(self, work: Work, synthesiser: SpeechSynthesisChain, language: str, voices: Mapping[str, str]) -> None:
        self._work = work
        self._synthesiser = synthesiser
        self._language = language
        self._voices = voices

    def recipe(self, line: Segment) -> Recipe:
        options = {"text": line.text, "voice": self._voices[line.speaker], "language": self._language}
        return Recipe("synthesize.line", VERSION, options=options, engine=self._synthesiser.label, suffix=".flac")

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
        facts = audio.facts
        return SpokenLine(
            line.id, line.text, facts["voice"], audio, facts["seconds"], tuple(facts["reasons"]), facts["engine"]
        )

    def _say(self, text: str, voice_id: str, out: Path) -> Facts:
        said = self._synthesiser.speak(Utterance(text, voice_id, self._language))
        rate, samples = said.sound.rate, trim_and_fade(said.sound.samples, said.sound.rate)
        soundfile.write(out, samples, rate, subtype="PCM_16", format="FLAC")
        spoken = {"engine": said.engine, "voice": said.voice_id, "reasons": said.reasons}
        return {"seconds": len(samples) / rate, "rate": rate, **spoken}
