"""synthesize: each line in its speaker's voice, each a checkpoint of its own, so that editing one remakes one."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

import soundfile

from shared.dubbing.transcript import Segment
from shared.errors import PermanentError
from worker.artifacts import Artifact, Facts, Recipe
from worker.engines import chain
from worker.engines.chain import SpeechSynthesisChain, Utterance, who
from worker.engines.protocols import NO_SPEECH_CONTEXT, SpeechContext
from worker.fitting.room import is_over
from worker.media.line import trim_and_fade
from worker.stages.clone import KEY, Clones
from worker.stages.extract import Extracted
from worker.stages.fit import Fitting, fitting
from worker.stages.paces import learn_paces
from worker.stages.rewording import Wording
from worker.stages.transcribe import Heard
from worker.stages.translate import Translation
from worker.timeline.lines import MAX_SPEED, SLIGHTEST_SPEED
from worker.voices import cast, demand_offered
from worker.work import Work

Made = TypeVar("Made")

VERSION = 4
SAME_BREATH = 3.0  # seconds between lines that are said as one
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


@dataclass(frozen=True)
class Spoken:
    """All lines of one language, and which engine spoke them."""

    lines: tuple[SpokenLine, ...]
    engine: str
    warnings: tuple[str, ...] = ()


def synthesize(work: Work, language: str, translation: Translation, speaking: "Speaking") -> Spoken:
    """Speak the translation, several lines at once, each in words that fit its time where there are such words.

    `speaking` has begun with what was translated first. Raises PermanentError `no_voice`, `voice_not_found`.
    """
    with work.progress.stage("synthesize", language) as step:
        lines = []
        for spoken in speaking.lines(translation):
            lines.append(spoken)
            step.at(len(lines) / len(translation.lines))
        step.ran(speaking.label, whole=not speaking.found and bool(lines))
    warnings = speaking.over()
    return Spoken(tuple(lines), who(line.engine for line in lines if line.engine) or speaking.label, warnings)


class Speaking:
    """One language's lines being spoken, each from when it and the next one are known: speech need not wait for the
    last line's translation. At the end of the block what is under way is waited for, and nothing more begun.

    `found`: an earlier attempt had spoken some.
    """

    def __init__(self, work: Work, language: str, sound: Extracted, heard: Heard, clones: Clones) -> None:
        self.found = False
        self._work, self._language, self._sound, self._heard, self._clones = work, language, sound, heard, clones
        self._synthesiser = chain.speech_synthesis(work.settings)
        self._pool = ThreadPoolExecutor(max(1, self._synthesiser.parallel_lines))
        self._known: list[Segment] = []
        self._spoken: list[Future[SpokenLine]] = []
        self._prepared: Future[_Prepared] | None = None

    def __enter__(self) -> Self:
        if self._language not in self._work.request.translations:
            self._begin(self._source)  # whose voices there are can be asked while the first lines are translated
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def label(self) -> str:
        """The engines that may speak."""
        return self._synthesiser.label

    def begin(self, lines: Sequence[Segment]) -> None:
        """These lines are translated, and follow those that were. Their times are the source's."""
        self._speak(lines, self._source, last=False)

    def lines(self, translation: Translation) -> Iterator[SpokenLine]:
        """All lines of the translation as they are spoken, in order. Raises what speaking them raises."""
        self._speak(translation.lines[len(self._known) :], translation, last=True)
        for future in self._spoken:
            yield future.result()

    def over(self) -> tuple[str, ...]:
        """All is spoken: learn from it, and tell what a person should know."""
        assert self._prepared is not None
        prepared = self._prepared.result()
        learn_paces(self._work, self._language, prepared.speak.measured)
        return prepared.warnings

    def _speak(self, lines: Sequence[Segment], frame: Translation, *, last: bool) -> None:
        self._begin(frame)
        self._known += lines
        until = len(self._known) if last else len(self._known) - 1
        coming, told = self._known[len(self._spoken) : until], neighbours(self._known)
        if coming:
            looked_up = self._submit(lambda: self._look_up(coming))
            self._spoken += [self._submit(partial(self._line, line, told[line.id], looked_up)) for line in coming]

    @property
    def _source(self) -> Translation:
        """The lines as they are before anybody translated them: who speaks them, and when."""
        return Translation(self._heard.transcript.segments, "")

    def _begin(self, frame: Translation) -> None:
        if self._prepared is None:
            self._prepared = self._submit(lambda: self._prepare(frame))

    def _prepare(self, frame: Translation) -> "_Prepared":
        """Who speaks for whom, and how long each line of `frame` may take."""
        wished = self._work.request.wished_voices(self._language)
        voices = self._synthesiser.voices_for(self._language, wished)
        demand_offered(frame.speakers, wished, voices)
        own = self._clones.own(self._language, frame.speakers)
        chosen = {**cast(frame.speakers, self._language, voices, wished, self._heard.pitches), **own.keys}
        fits = fitting(self._work, self._language, self._sound, self._heard, frame)
        speak = _Speak(self._work, self._synthesiser, self._clones, chosen, fits)
        return _Prepared(speak, ("clone_too_little_speech",) if own.too_little else ())

    def _look_up(self, lines: Sequence[Segment]) -> None:
        assert self._prepared is not None
        self.found |= self._prepared.result().speak.look_up(lines)

    def _line(self, line: Segment, context: SpeechContext, looked_up: "Future[None]") -> SpokenLine:
        assert self._prepared is not None
        looked_up.result()
        return self._prepared.result().speak.line(line, context)

    def _submit(self, work: Callable[[], Made]) -> "Future[Made]":
        return self._pool.submit(copy_context().run, work)


class _Prepared(NamedTuple):
    speak: "_Speak"
    warnings: tuple[str, ...]


class _Speak:
    """One language's synthesis. `measured` is what was said here and now: voice id, text, seconds."""

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
        own_rate = spoken.seconds / audio.facts["seconds"]
        if own_rate < SLIGHTEST_SPEED or audio.facts["voice"] != spoken.voice_id:  # it took no notice, or is another's
            return spoken
        return replace(spoken, audio=audio, own_rate=own_rate, reasons=(*spoken.reasons, "spoken_faster"))

    def _spoken(self, line: Segment, wording: Wording) -> SpokenLine:
        spoken = SpokenLine(line.id, wording.text, self._voices[line.speaker], None, 0.0, wording.reasons)
        try:
            audio = self._speech(line, wording.text)
        except PermanentError as error:
            if error.code != "empty_speech":
                raise
            return replace(spoken, reasons=(*spoken.reasons, "empty_speech"))
        facts = audio.facts
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
        voice_id = self._clones.voice_id(utterance.voice_id)
        said = self._synthesiser.speak(utterance._replace(voice_id=voice_id))
        rate, samples = said.sound.rate, trim_and_fade(said.sound.samples, said.sound.rate)
        soundfile.write(out, samples, rate, subtype="PCM_16", format="FLAC")
        voice = utterance.voice_id if said.voice_id == voice_id else said.voice_id
        spoken = {"engine": said.engine, "voice": voice, "reasons": said.reasons}
        return {"seconds": len(samples) / rate, "rate": rate, **spoken}


def neighbours(lines: Sequence[Segment]) -> dict[int, SpeechContext]:
    """What each line's speaker says just before and after it, by line; not across another's turn or a long pause."""
    told = {line.id: SpeechContext() for line in lines}
    for earlier, later in pairwise(lines):
        if earlier.speaker == later.speaker and later.start - earlier.end <= SAME_BREATH:
            told[earlier.id] = replace(told[earlier.id], next_text=later.text)
            told[later.id] = replace(told[later.id], previous_text=earlier.text)
    return told
