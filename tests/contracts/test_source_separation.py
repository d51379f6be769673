"""What every SourceSeparator promises."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from shared.config import Settings
from worker.engines import registry


@pytest.mark.parametrize("name", ["fake", "ducking"])
def test_a_background_is_a_file_in_the_given_place_or_none(
    name: str, tmp_path: Path, engine_settings: Callable[..., Settings]
) -> None:
    sound = tmp_path / "sound.flac"
    soundfile.write(sound, np.zeros((4800, 2), np.float32), 48_000)
    separator = registry.build("source_separation", engine_settings(source_separation=(name,)))
    background = separator.separate(sound, tmp_path / "out").background
    assert background is None or (background.is_file() and background.parent == tmp_path / "out")
    assert separator.model
