"""The picture of a dub's report, of the source's sound and the voice track. Part of `publish`."""

from pathlib import Path
from typing import Any

from worker.artifacts import Recipe
from worker.media.peaks import peaks
from worker.picture import columns_of, picture
from worker.report import Dubbed
from worker.work import Work

VERSION = 1


def drawn(work: Work, dubbed: Dubbed, report: dict[str, Any]) -> str:
    """An SVG document. The source's levels are an artifact, for all languages need them."""
    columns, seconds = columns_of(dubbed.sound.seconds)

    def levels(path: Path) -> list[float]:
        return peaks(path, columns, seconds)

    recipe = Recipe("picture.source", VERSION, (dubbed.sound.sound.fingerprint,), {"columns": columns})
    source = work.checkpoints.make_document(recipe, lambda: levels(work.checkpoints.path(dubbed.sound.sound)))
    return picture(report, source.content, levels(work.checkpoints.path(dubbed.placed.track)))
