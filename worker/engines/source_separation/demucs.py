"""Demucs: the voice as a model hears it, taken off the original, which leaves the background. For the `gpu` extra.

Demucs keeps the voice's phases, so that what is left is the original less the voice to the sample; nothing else of the
original passes through the model.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from shared.config import Settings
from worker.engines import extra
from worker.engines.protocols import Keep, Samples, Separation
from worker.engines.source_separation.stretches import Stretch, stretches
from worker.media import audio
from worker.media.masking import crossfaded

LONGEST, OVERLAP = 60.0, 2.0  # seconds in memory at once, and those over which two stretches change into one another
VOICE = "vocals"
# Which channels the model, which knows stereo, hears at once. Nobody speaks in the bass of 5.1.
TOGETHER = {1: [[0]], 2: [[0, 1]], 6: [[0, 1], [2], [4, 5]]}


class DemucsSeparator:
    """A SourceSeparator."""

    name = "demucs"

    def __init__(self, settings: Settings) -> None:
        extra.demand(self.name, settings)
        self.model = settings.demucs_model
        self._folder = settings.models_dir
        self._wished_device = settings.models_device

    def separate(self, sound: Path, out_dir: Path, keep: Keep) -> Separation:
        """The background of the FLAC at `sound`. Raises PermanentError `model_unavailable`, TransientError."""
        del keep
        out_dir.mkdir(parents=True, exist_ok=True)
        frames, rate, channels = audio.shape(sound)
        device = extra.device(self._wished_device)
        model = loaded(self.model, self._folder)
        plan = stretches(frames, round(LONGEST * rate), round(OVERLAP * rate))
        parts = (self._background(sound, stretch, rate, model, device) for stretch in plan)
        out = out_dir / f"background-{sound.stem}.flac"
        audio.write_flac(out, crossfaded(parts, round(OVERLAP * rate)), rate, channels)
        return Separation(out)

    def _background(self, sound: Path, stretch: Stretch, rate: int, model: Any, device: str) -> Iterator[Samples]:
        mix = np.concatenate(list(audio.blocks(sound, first=stretch.first, count=stretch.length)))
        with extra.running(self.name):
            yield mix - voice(mix, rate, model, device)


def voice(mix: Samples, rate: int, model: Any, device: str) -> Samples:
    """The voice in `mix` (n, 1, 2 or 6 channels: 5.1), in the same form."""
    found = np.zeros_like(mix)
    for channels in TOGETHER[mix.shape[1]]:
        if mix[:, channels].any():
            found[:, channels] = _voice(mix[:, channels], rate, model, device)
    return found


def _voice(mix: Samples, rate: int, model: Any, device: str) -> Samples:
    import torch
    from demucs.apply import apply_model

    both = np.repeat(mix, model.audio_channels, axis=1) if mix.shape[1] == 1 else mix
    ours = soxr.resample(both, rate, model.samplerate)
    # The model was trained on sound of this mean and spread.
    mean, spread = float(ours.mean()), float(ours.std()) + 1e-8
    given = torch.from_numpy(np.ascontiguousarray((ours - mean).T / spread, np.float32))[None]
    with torch.no_grad():
        # Without random shifts: the same sound has to give the same background.
        told = apply_model(model, given, shifts=0, split=True, device=device)[0, model.sources.index(VOICE)]
    back = soxr.resample(told.cpu().numpy().T * spread, model.samplerate, rate)
    found = np.zeros((len(mix), back.shape[1]), np.float32)
    found[: min(len(mix), len(back))] = back[: len(mix)]
    return found.mean(axis=1, keepdims=True) if mix.shape[1] == 1 else found


@lru_cache(maxsize=1)
def loaded(model: str, folder: Path | None) -> Any:
    """The model, once a process. Raises PermanentError `model_unavailable`."""
    from demucs.pretrained import get_model

    with extra.loading("demucs", model):
        return get_model(model, repo=folder)
