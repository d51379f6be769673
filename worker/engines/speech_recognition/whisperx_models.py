"""WhisperX's models, each loaded once a process. Everything heavy is imported here, and only when it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.log import get
from worker.engines import extra
from worker.engines.protocols import Samples
from worker.media.voice_activity import RATE, voiced_spans

if TYPE_CHECKING:
    from shared.config import Settings

logger = get(__name__)

# Gets segments and the sound they are in, gives their words: {word, start, end} (seconds; times may be missing).
Aligner = Callable[[Sequence[dict[str, Any]], Samples], list[dict[str, Any]]]
# Held by whoever loads or uses models: each is loaded once, and a pipeline remembers the language it was last asked for
ALONE = threading.RLock()
COMPUTE = {"cuda": "float16", "cpu": "int8"}


class Place(NamedTuple):
    """Where models run, and where they lie (None: where their makers' libraries put what they fetch)."""

    device: str
    folder: str | None

    @classmethod
    def of(cls, settings: Settings) -> Place:
        """As it is configured."""
        folder = settings.models_dir
        return cls(extra.device(settings.models_device), None if folder is None else str(folder))


@lru_cache(maxsize=1)
def transcriber(model: str, place: Place) -> Any:
    """The batched Whisper pipeline. Raises PermanentError `model_unavailable`."""
    import whisperx

    with extra.loading("whisperx", model):
        return whisperx.load_model(
            model,
            place.device,
            compute_type=COMPUTE[place.device],
            vad_model=_own_ear(),
            download_root=place.folder,
        )


@lru_cache(maxsize=4)
def aligner(language: str, place: Place) -> Aligner | None:
    """The forced aligner of a language (Whisper's code); None where there is none for it.

    Raises PermanentError `model_unavailable` where there is one that can't be loaded.
    """
    import whisperx
    from whisperx import alignment

    if language not in {**alignment.DEFAULT_ALIGN_MODELS_TORCH, **alignment.DEFAULT_ALIGN_MODELS_HF}:
        logger.info("no aligner", recognised_in=language)
        return None
    with extra.loading("whisperx", f"aligner for {language}"):
        model, facts = whisperx.load_align_model(language, place.device, model_dir=place.folder)

    def align(segments: Sequence[dict[str, Any]], samples: Samples) -> list[dict[str, Any]]:
        told = whisperx.align(list(segments), model, facts, samples, place.device)
        return [word for segment in told["segments"] for word in segment["words"]]

    return align


@lru_cache(maxsize=1)
def diariser(model: str, place: Place, token: str | None) -> Any:
    """The diarisation pipeline. Raises PermanentError `model_unavailable`."""
    from pyannote.audio.telemetry import set_telemetry_metrics
    from whisperx.diarize import DiarizationPipeline

    set_telemetry_metrics(False)  # else it tells its makers how long each file is
    with extra.loading("whisperx", model):
        return DiarizationPipeline(model, token=token, device=place.device, cache_dir=place.folder)


def _own_ear() -> Any:
    """This project's voice activity in the form that WhisperX takes."""
    from whisperx.diarize import Segment
    from whisperx.vads import Silero, Vad

    class Ear(Vad):  # type: ignore[misc]
        """Where there is a voice, by worker.media.voice_activity."""

        preprocess_audio = staticmethod(lambda audio: audio)
        merge_chunks = staticmethod(Silero.merge_chunks)

        def __call__(self, audio: dict[str, Any]) -> list[Any]:
            """The voiced stretches of `{waveform, sample_rate}`."""
            spans = voiced_spans([audio["waveform"]], RATE)
            return [Segment(span.start, span.end, "") for span in spans]

    return Ear(vad_onset=0.5)
