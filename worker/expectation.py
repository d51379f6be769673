"""What is expected of a job's stages: the sound each goes through, the engine that does it, how long that takes."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.config import Settings
from shared.spoken import serves
from worker.engines import chain
from worker.forecast import CLOSING_STAGES, GIVEN, LANGUAGE_STAGES, SHARED_STAGES, Forecast, expected
from worker.request import Original, Request

PREVIEW_SECONDS = 30.0
# What they recognise costs nothing but this machine's time.
FREE_RECOGNISERS = frozenset({"pocketsphinx", "whisperx"})


@dataclass(frozen=True)
class Expectation:
    """One job's stages, before the first has begun."""

    settings: Settings
    request: Request
    original: Original

    def seconds_of(self, stage: str) -> float:
        """The seconds of sound that `stage` goes through."""
        whole = self.original.duration_seconds
        return whole if stage == "fetch" else min(whole, self._excerpt_seconds or whole)

    def forecast(self, speeds: Mapping[tuple[str, str], float], lanes: int) -> Forecast:
        """How long the stages take, by what earlier jobs taught."""
        languages = (*self.request.pending, *self.request.done)
        return Forecast(
            {stage: self._expected(stage, None, speeds) for stage in SHARED_STAGES},
            {
                language: {stage: self._expected(stage, language, speeds) for stage in LANGUAGE_STAGES}
                for language in languages
            },
            lanes,
            {stage: self._expected(stage, None, speeds) for stage in CLOSING_STAGES},
        )

    def _expected(self, stage: str, language: str | None, speeds: Mapping[tuple[str, str], float]) -> float:
        if stage == "excerpt" and self._excerpt_seconds is None:
            return 0.0
        if stage == "slow" and self.request.fit != "video":
            return 0.0
        if stage == "assemble" and "multi_audio_video" not in self.request.outputs:
            return 0.0
        if stage == "listen":
            return self._listening(language, speeds)
        return expected(stage, self._engine(stage, language), self.seconds_of(stage), speeds)

    def _listening(self, language: str | None, speeds: Mapping[tuple[str, str], float]) -> float:
        """How long listening goes on once the file is joined; until it was seen, by what the recogniser takes."""
        engine = listener(self.settings, self.request, language) if language else None
        if engine is None:
            return 0.0
        if (learned := speeds.get(("listen", engine))) is not None:
            return self.seconds_of("listen") * learned
        meanwhile = sum(self._expected(stage, language, speeds) for stage in ("mix", "mux"))
        return max(0.0, expected("transcribe", engine, self.seconds_of("listen"), speeds) - meanwhile)

    @property
    def _excerpt_seconds(self) -> float | None:
        if self.request.excerpt is not None:
            return self.request.excerpt.end - self.request.excerpt.start
        return PREVIEW_SECONDS if self.request.preview else None

    def _engine(self, stage: str, language: str | None) -> str:
        if stage == "transcribe":
            return transcriber(self.settings, self.request)
        if stage == "translate":
            given = language in self.request.translations
            return GIVEN if given else chain.translation(self.settings).label
        if stage == "synthesize":
            return chain.speech_synthesis(self.settings).label
        return chain.source_separation(self.settings).label if stage == "separate" else ""


def transcriber(settings: Settings, request: Request) -> str:
    """Who writes the transcript, as the report names it."""
    if request.transcript is None:
        return chain.speech_recognition(settings).label
    if request.transcript.timed:
        return GIVEN
    return f"{GIVEN}, aligned by {chain.forced_alignment(settings).label}"


def listener(settings: Settings, request: Request, language: str) -> str | None:
    """Who listens to the dub, as the report names it: the recogniser, if it reads the language and is asked to.

    Unasked it listens where that costs nothing but this machine's time.
    """
    recogniser = chain.speech_recognition(settings)
    reads = serves(recogniser.languages, language)
    free = FREE_RECOGNISERS.issuperset(settings.engines("speech_recognition"))
    asked = free if request.listen_back is None else request.listen_back
    return recogniser.label if asked and reads else None
