"""A diarisation pipeline made on the spot, in the form that pyannote loads: one person speaks all the time."""

from pathlib import Path

import numpy as np
import torch
import yaml
from lightning.pytorch import Trainer
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding import XVectorMFCC
from pyannote.audio.models.segmentation import PyanNet

DIMENSION = 64  # of an embedding, and of what it is compared in
SPEAKERS = 2  # at most in a chunk
CHUNK = 5.0  # seconds
SURE = 10.0  # a logit
SINGLE = 1  # of the classes nobody, each one, each two


def diariser(folder: Path) -> Path:
    """A folder with the pipeline: segmentation, embedding, clustering."""
    out = folder / "diariser"
    torch.manual_seed(11)
    _save(_segmentation(), out / "segmentation")
    _save(_embedding(), out / "embedding")
    _comparison(out / "plda")
    parts = {name: {"checkpoint": str(out), "subfolder": name} for name in ("segmentation", "embedding", "plda")}
    config = {
        "pipeline": {"name": "pyannote.audio.pipelines.SpeakerDiarization", "params": parts},
        "params": {"segmentation": {"min_duration_off": 0.0}, "clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8}},
    }
    (out / "config.yaml").write_text(yaml.safe_dump(config))
    return out


def _segmentation() -> Model:
    model = PyanNet(lstm={"hidden_size": 8, "num_layers": 1}, linear={"hidden_size": 8, "num_layers": 1})
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=CHUNK,
        classes=[f"speaker{number}" for number in range(SPEAKERS)],
        powerset_max_classes=SPEAKERS,
        permutation_invariant=True,
    )
    model.setup()
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.zero_()
        model.classifier.bias[SINGLE] = SURE
    return model


def _embedding() -> Model:
    model = XVectorMFCC(dimension=DIMENSION)
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=CHUNK, classes=None
    )
    model.setup()
    return model


def _comparison(folder: Path) -> None:
    """What embeddings are turned into before they are compared: what they are."""
    folder.mkdir()
    whole, nought = np.eye(DIMENSION), np.zeros(DIMENSION)
    np.savez(folder / "xvec_transform.npz", mean1=nought, mean2=nought, lda=whole)
    np.savez(folder / "plda.npz", mu=nought, tr=whole, psi=np.linspace(2.0, 1.0, DIMENSION))


def _save(model: Model, folder: Path) -> None:
    folder.mkdir(parents=True)
    trainer = Trainer(logger=False, accelerator="cpu")
    trainer.strategy.connect(model)
    trainer.save_checkpoint(folder / "pytorch_model.bin", weights_only=True)
