"""Subtitles: what is said, cut into cues that can be read, and written as SRT, WebVTT or ASS."""

from worker.subtitles.cues import (
    LONGEST_SECONDS,
    SHORTEST_SECONDS,
    Cue,
    SubtitleLine,
    bilingual,
    cues,
    too_fast,
)
from worker.subtitles.formats import ZERO_WIDTH_SPACE, to_ass, to_srt, to_vtt

__all__ = [
    "LONGEST_SECONDS", "SHORTEST_SECONDS", "ZERO_WIDTH_SPACE", "Cue", "SubtitleLine", "bilingual", "cues", "to_ass",
    "to_srt", "to_vtt", "too_fast",
]  # fmt: skip
