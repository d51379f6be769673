"""The quality figures of a dub's report, as lines for a terminal."""

import json
from functools import reduce
from pathlib import Path
from typing import Any

# (what it is called, where it stands in the report's measures, unit)
FIGURES = (
    ("onset drift, median", "onset_drift.median", "s"),
    ("onset drift, 95th percentile", "onset_drift.p95", "s"),
    ("speed, 95th percentile", "speed.p95", "×"),
    ("speed, maximum", "speed.max", "×"),
    ("speech lost", "speech_lost", ""),
    ("overlap within a speaker", "overlap_within_speaker", "s"),
    ("overlap between speakers", "overlap_between_speakers", "s"),
    ("dialogue loudness", "mix.dub_dialogue_lufs", "LUFS"),
    ("true peak", "mix.true_peak_dbtp", "dBTP"),
)


def figures(path: Path) -> list[str]:
    """A line for each figure that the report at `path` has; a dub of silence has few."""
    measures = json.loads(path.read_text(encoding="utf-8"))["measures"]
    found = ((name, _at(measures, where), unit) for name, where, unit in FIGURES)
    return [f"{name:30}{value:8.2f} {unit}" for name, value, unit in found if isinstance(value, int | float)]


def _at(document: Any, path: str) -> Any:
    return reduce(lambda inner, key: inner.get(key) if isinstance(inner, dict) else None, path.split("."), document)
