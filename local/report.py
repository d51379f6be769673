"""The quality figures of a dub's report, as lines for a terminal."""

import json
from functools import reduce
from pathlib import Path
from typing import Any

# (what it is called, where it stands in the report, unit)
FIGURES = (
    ("onset drift, median", "measures.onset_drift.median", "s"),
    ("onset drift, 95th percentile", "measures.onset_drift.p95", "s"),
    ("speed, 95th percentile", "measures.speed.p95", "×"),
    ("speed, maximum", "measures.speed.max", "×"),
    ("speech lost", "measures.speech_lost", ""),
    ("overlap within a speaker", "measures.overlap_within_speaker", "s"),
    ("overlap between speakers", "measures.overlap_between_speakers", "s"),
    ("dialogue loudness", "measures.mix.dub_dialogue_lufs", "LUFS"),
    ("true peak", "measures.mix.true_peak_dbtp", "dBTP"),
    ("words misheard", "listening.wer", ""),
)


def figures(path: Path) -> list[str]:
    """A line for each figure that the report at `path` has; a dub of silence has few."""
    report = json.loads(path.read_text(encoding="utf-8"))
    found = ((name, _at(report, where), unit) for name, where, unit in FIGURES)
    return [f"{name:30}{value:8.2f} {unit}" for name, value, unit in found if isinstance(value, int | float)]


def _at(document: Any, path: str) -> Any:
    return reduce(lambda inner, key: inner.get(key) if isinstance(inner, dict) else None, path.split("."), document)
