"""One line's speech: said, and once more in other words or faster where it proves too long for its time.

Each line is a checkpoint of its own, so that editing one remakes one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import soundfile

from shared.dubbing.transcript import Segment
from shared.errors import PermanentError
from worker.artifacts import Artifact, Facts, Recipe
from worker.engines.chain import NOTHING, SpeechSynthesisChain, Utterance
from worker.engines.protocols import NO_SPEECH_CONTEXT, Samples, Sound, SpeechContext
from worker.fitting.room import is_over
from worker.media.line import trim_and_fade
from worker.stages.clone import KEY, Clones
from worker.stages.fit import Fitting
from worker.stages.rewording import Wording
from worker.timeline.lines import MAX_SPEED, SLIGHTEST_SPEED
from worker.work import Work

VERSION = 4
# An own rate closer to 1 than this is not worth asking for.
LEAST_OWN_RATE = 1.05


@dataclass(frozen=True)
class SpokenLine:
    """A line as the voice says it, silence trimmed: `seconds` at its default rate, the audio `own_rate` times as fast.

    `audio` is None where nothing is audible; `reasons` say why, why the voice is not the one asked for, and what was
    done to make the line fit. `engine` is who spoke it.
    """

    id: int
    text: str
    voice_id: str
    audio: Artifact | None
    seconds: float
    reasons: tuple[str, ...] = ()
    own_rate: float = 1.0
    engine: str = ""


class Speech:
    """One language's speech. `measured` is what was said here and now: voice id, text, seconds. For several threads."""

    def __init__(
        self,
        work: Work,
        synthesiser: SpeechSynthesisChain,
        clones: Clones,
        voices: Mapping[str, str],
        fitting: Fitting,
    ) -> None:
        """`voices`: by speaker a voice's id, or a clone's key."""
        self._work = work
        self._synthesiser = synthesiser
        self._clones = clones
        self._voices = voices
        self._fitting = fitting
        self.measured: list[tuple[str, str, float]] = []
        self._done: dict[str, Artifact] = {}
        self._neighbours: dict[int, SpeechContext] = {}

    def look_up(self, lines: Sequence[Segment]) -> bool:
        """Find what an earlier attempt has done of these lines, and say whether there is any."""
        found = self._work.checkpoints.find(recipe for line in lines for recipe in self._recipes(line))
        self._done.update(found)
        return bool(found)

    def line(self, line: Segment, context: SpeechContext) -> SpokenLine:
        """The line's speech; a line with nothing to say, or that the voice says nothing for, has none."""
        self._neighbours[line.id] = context
        voice_id = self._voices[line.speaker]
        if not re.search(r"\w", line.text):
            return SpokenLine(line.id, line.text, voice_id, None, 0.0, ("nothing_to_say",))
        speech, decision = (self._done.get(recipe.fingerprint) for recipe in self._recipes(line))
        wording = self._fitting.foreseen(line, voice_id, decision, spoken=speech is not None)
        return self._fitted(line, self._spoken(line, wording))

    def _fitted(self, line: Segment, spoken: SpokenLine) -> SpokenLine:
        """The line once more in other words, or faster, where what was said proves too long for its time."""
        if spoken.audio is None or not self._fitting.is_over(line, spoken.seconds):
            return spoken
        wording = self._fitting.measured(line, self._voices[line.speaker], spoken.text, spoken.seconds)
        if wording.text != spoken.text:
            again = self._spoken(line, wording)
            reasons = tuple(dict.fromkeys((*spoken.reasons, *again.reasons)))
            better = again.audio is not None and again.seconds < spoken.seconds
            spoken = replace(again, reasons=reasons) if better else spoken
        return self._faster(line, spoken, spoken.seconds / self._fitting.room[line.id])

    def _faster(self, line: Segment, spoken: SpokenLine, needed: float) -> SpokenLine:
        """The line at the voice's own faster rate, where the engine has one and it is `needed`."""
        fastest = self._synthesiser.rates_of(self._clones.engine_voice(spoken.voice_id))[1]
        rate = round(min(needed, fastest, MAX_SPEED), 2)
        if rate < LEAST_OWN_RATE or not is_over(needed, 1.0):
            return spoken
        audio = self._speech(line, spoken.text, rate)
        if not audio.facts["seconds"]:
            return spoken
        own_rate = spoken.seconds / audio.facts["seconds"]
        if own_rate < SLIGHTEST_SPEED or audio.facts["voice"] != spoken.voice_id:  # it took no notice, or is another's
            return spoken
        return replace(spoken, audio=audio, own_rate=own_rate, reasons=(*spoken.reasons, "spoken_faster"))

    def _spoken(self, line: Segment, wording: Wording) -> SpokenLine:
        spoken = SpokenLine(line.id, wording.text, self._voices[line.speaker], None, 0.0, wording.reasons)
        audio = self._speech(line, wording.text)
        facts = audio.facts
        if not facts["seconds"]:
            return replace(spoken, reasons=(*spoken.reasons, *facts["reasons"]))
        if audio.made and not facts["voice"].startswith(KEY):  # a clone never comes again
            self.measured.append((facts["voice"], wording.text, facts["seconds"]))
        reasons = (*spoken.reasons, *facts["reasons"])
        return replace(
            spoken,
            audio=audio,
            voice_id=facts["voice"],
            seconds=facts["seconds"],
            engine=facts["engine"],
            reasons=reasons,
        )

    def _recipes(self, line: Segment) -> tuple[Recipe, Recipe]:
        """Of the speech of the line as it was translated, and of the decision to say something else."""
        voice_id = self._voices[line.speaker]
        return self._recipe(line.text, voice_id), self._fitting.recipe(line, voice_id)

    def _recipe(self, text: str, voice_id: str, rate: float = 1.0) -> Recipe:
        """What is said before and after only helps, so it is not in the line's name."""
        options = {"text": text, "voice": voice_id, "language": self._fitting.language}
        faster = {} if rate == 1.0 else {"rate": rate}
        label = self._synthesiser.label
        return Recipe("synthesize.line", VERSION, options={**options, **faster}, engine=label, suffix=".flac")

    def _speech(self, line: Segment, text: str, rate: float = 1.0) -> Artifact:
        voice_id = self._voices[line.speaker]
        recipe = self._recipe(text, voice_id, rate)
        context = self._neighbours.get(line.id, NO_SPEECH_CONTEXT)
        utterance = Utterance(text, voice_id, self._fitting.language, rate, context)
        done = self._done.get(recipe.fingerprint)
        return done or self._work.checkpoints.make(recipe, lambda out: self._say(utterance, out))

    def _say(self, utterance: Utterance, out: Path) -> Facts:
        """The line's FLAC at `out`; an empty file and no seconds where there is nothing to hear: that was paid, too."""
        voice_id = self._clones.voice_id(utterance.voice_id)
        said = self._synthesiser.speak(utterance._replace(voice_id=voice_id))
        samples, rate, reasons = _audible(said.sound), said.sound.rate, said.reasons
        if len(samples):
            soundfile.write(out, samples, rate, subtype="PCM_16", format="FLAC")
        else:
            out.touch()
            reasons = (*reasons, "empty_speech")
        voice = utterance.voice_id if said.voice_id == voice_id else said.voice_id
        # The voice's own engine may be back when the line is next wanted; what it refuses to say it will refuse again.
        for_now = "voice_substituted" in reasons and "content_refused" not in reasons
        spoken = {"engine": said.engine, "voice": voice, "reasons": reasons, "for_now": for_now}
        return {"seconds": len(samples) / rate, "rate": rate, **spoken}


def _audible(sound: Sound) -> Samples:
    """What of it can be heard: nothing, or a line with its ends faded."""
    try:
        return trim_and_fade(sound.samples, sound.rate)
    except PermanentError as error:
        if error.code != "empty_speech":
            raise
        return NOTHING.samples
