"""What is expected of a job's stages: the sound each goes through, the engine that does it, how long that takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.config import Settings
from worker.engines import registry
from worker.forecast import GIVEN, LANGUAGE_STAGES, SHARED_STAGES, Forecast, expected
from worker.request import Original, Request

PREVIEW_SECONDS = 30.0


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
        )

    def _expected(self, stage: str, language: str | None, speeds: Mapping[tuple[str, str], float]) -> float:
        if stage == "excerpt" and self._excerpt_seconds is None:
            return 0.0
        if stage == "slow" and self.request.fit != "video":
            return 0.0
        return expected(stage, self._engine(stage, language), self.seconds_of(stage), speeds)

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
            return GIVEN if given else _label(registry.build("translation", self.settings))
        if stage == "synthesize":
            return _label(registry.build("speech_synthesis", self.settings))
        return _label(registry.build("source_separation", self.settings)) if stage == "separate" else ""


def transcriber(settings: Settings, request: Request) -> str:
    """Who writes the transcript, as the report names it."""
    if request.transcript is None:
        return _label(registry.build("speech_recognition", settings))
    if request.transcript.timed:
        return GIVEN
    return f"{GIVEN}, aligned by {_label(registry.build('forced_alignment', settings))}"


class _Engine(Protocol):
    name: str
    model: str


def _label(engine: _Engine) -> str:
    return f"{engine.name}/{engine.model}"
