"""WhisperX's pipeline remembers the language it was last asked for: no two threads may ask it at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.contracts.conftest import settings_in
from worker.engines import extra
from worker.engines.protocols import Piece, Sound
from worker.engines.speech_recognition import whisperx_models as models
from worker.engines.speech_recognition.whisperx import WhisperXRecogniser


class Pipeline:
    """Says in which language it was asked, by what it remembers of that."""

    language = ""

    def transcribe(self, samples: Any, *, batch_size: int, language: str) -> dict[str, Any]:
        self.language = language
        threading.Event().wait(0.01)  # another thread's turn, if it may have one
        said = {"text": self.language, "start": 0.0, "end": 1.0, "avg_logprob": -0.1}
        return {"segments": [said], "language": language}


def test_languages_side_by_side_are_not_mixed_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pipeline = Pipeline()
    monkeypatch.setattr(extra, "demand", lambda engine, settings: None)
    monkeypatch.setattr(models, "transcriber", lambda model, place: pipeline)
    monkeypatch.setattr(models, "aligner", lambda language, place: None)
    settings = settings_in(tmp_path, models_device="cpu")
    pieces = [Piece(number, 0.0, Sound(np.ones(16_000, np.float32), 16_000)) for number in range(5)]

    def heard(language: str) -> set[str]:
        told = WhisperXRecogniser(settings).recognise(pieces, language)
        return {word.text for one in told for word in one.words}

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(heard, ["es", "fr", "de"])) == [{"es"}, {"fr"}, {"de"}]
