"""The report's numbers: how well the plan and the mix kept what a dub promises. Pure; seconds, LUFS, dBTP."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np

from worker.spans import Span, intersection, total, union
from worker.timeline import Line, Placement, Plan

FAST = 1.2
CLOSE = 0.2  # a dub's length within ± this share of its source's
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Spread:
    """Of several values: the middle, the 95th percentile (linear interpolation), the largest."""

    median: float
    p95: float
    max: float


@dataclass(frozen=True, slots=True)
class MixFacts:
    """What was measured while mixing; None where there was nothing to measure.

    Loudness is gated and over speech spans; the true peak is of the decoded output.
    """

    background: str
    duration: float
    source_duration: float
    source_dialogue_lufs: float | None = None
    target_lufs: float | None = None
    dub_dialogue_lufs: float | None = None
    true_peak_dbtp: float | None = None
    voice_gain_db: float | None = None
    ducking_db: float | None = None


@dataclass(frozen=True, slots=True)
class LineMeasure:
    """One line of the report. A line that was not placed has no `start`, `end`, `speed` and `late`."""

    id: int
    speaker: str
    source_start: float
    source_end: float
    start: float | None
    end: float | None
    speed: float | None
    late: float | None
    needs_review: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measures:
    """The whole dub in numbers.

    Drift is |dub start − source start|; a jump is |speed − speed of the speaker's line before|; duration match is
    min(h, r) / max(h, r) of source and dub lengths; voiced overlap is intersection over union of source speech and dub;
    speech lost is (trimmed or not placed) ÷ natural. None or no spread where there is no line to measure.
    """

    lines: int
    placed: int
    needs_review: int
    onset_drift: Spread | None
    overlap_within_speaker: float
    overlap_between_speakers: float
    source_overlap_between_speakers: float
    speed: Spread | None
    share_faster_than_1_2: float
    speed_jump: Spread | None
    duration_match: float | None
    share_within_20_percent: float | None
    voiced_iou: float | None
    speech_lost: float
    silence_in_source_speech: float
    mix: MixFacts | None
    rows: tuple[LineMeasure, ...]

    def to_dict(self) -> dict[str, Any]:
        """For report.json: plain values, floats rounded to four places."""
        rounded: dict[str, Any] = _rounded(asdict(self))
        return rounded


def measure(
    lines: Sequence[Line],
    plan: Plan,
    *,
    mix: MixFacts | None = None,
    source_spans: Iterable[Span] | None = None,
    dub_spans: Iterable[Span] | None = None,
    reasons: dict[int, tuple[str, ...]] | None = None,
) -> Measures:
    """Measure `plan` against the `lines` it places.

    The spans say where there is voice in fact; without them the lines' and the placements' own times are taken.
    `reasons` adds by id what earlier stages found (a doubtful recognition, a shortened text).
    """
    placed = {placement.id: placement for placement in plan.placements}
    pairs = [(line, placed[line.id]) for line in lines if line.id in placed]
    source = union(((line.start, line.end) for line in lines) if source_spans is None else source_spans)
    dub = union(((p.start, p.end) for p in plan.placements) if dub_spans is None else dub_spans)
    shared = total(intersection(source, dub))
    matches = [_match(line, placement) for line, placement in pairs]
    speeds = [placement.speed for _, placement in pairs]
    within, between = _overlaps([(p.start, p.end, line.speaker) for line, p in pairs])
    rows = tuple(_row(line, placed.get(line.id), (reasons or {}).get(line.id, ())) for line in lines)
    return Measures(
        lines=len(lines),
        placed=len(pairs),
        needs_review=sum(row.needs_review for row in rows),
        onset_drift=_spread([abs(p.start - line.start) for line, p in pairs]),
        overlap_within_speaker=within,
        overlap_between_speakers=between,
        source_overlap_between_speakers=_overlaps([(line.start, line.end, line.speaker) for line in lines])[1],
        speed=_spread(speeds),
        share_faster_than_1_2=sum(speed > FAST for speed in speeds) / max(1, len(speeds)),
        speed_jump=_spread(_jumps(pairs)),
        duration_match=sum(matches) / len(matches) if matches else None,
        share_within_20_percent=_share_close(pairs),
        voiced_iou=shared / (total(source) + total(dub) - shared) if source or dub else None,
        speech_lost=_lost(lines, placed),
        silence_in_source_speech=total(source) - shared,
        mix=mix,
        rows=rows,
    )


def _spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    median, p95, largest = np.percentile(values, [50, 95, 100])
    return Spread(float(median), float(p95), float(largest))


def _match(line: Line, placement: Placement) -> float:
    shorter, longer = sorted((max(0.0, line.end - line.start), placement.seconds))
    return shorter / longer if longer else 1.0


def _share_close(pairs: Sequence[tuple[Line, Placement]]) -> float | None:
    if not pairs:
        return None
    close = [abs(p.seconds - (line.end - line.start)) <= CLOSE * (line.end - line.start) for line, p in pairs]
    return sum(close) / len(close)


def _jumps(pairs: Sequence[tuple[Line, Placement]]) -> list[float]:
    by_speaker: dict[str, list[Placement]] = defaultdict(list)
    for line, placement in sorted(pairs, key=lambda pair: pair[1].start):
        by_speaker[line.speaker].append(placement)
    return [abs(b.speed - a.speed) for spoken in by_speaker.values() for a, b in pairwise(spoken)]


def _overlaps(spoken: Iterable[tuple[float, float, str]]) -> tuple[float, float]:
    """Seconds of overlap (within a speaker, between speakers), summed over all pairs."""
    within = between = 0.0
    sounding: list[tuple[float, float, str]] = []
    for start, end, speaker in sorted(spoken):
        sounding = [other for other in sounding if other[1] > start]
        for _, until, other_speaker in sounding:
            shared = min(end, until) - start
            within, between = (within + shared, between) if other_speaker == speaker else (within, between + shared)
        sounding.append((start, end, speaker))
    return within, between


def _lost(lines: Sequence[Line], placed: dict[int, Placement]) -> float:
    """The share of the natural speech that is not to be heard."""
    natural = sum(line.natural for line in lines)
    heard = sum(min(line.natural, p.seconds * p.speed) for line in lines if (p := placed.get(line.id)))
    return max(0.0, round(1 - heard / natural, 9)) if natural else 0.0


def _row(line: Line, placement: Placement | None, earlier: tuple[str, ...]) -> LineMeasure:
    own = placement.reasons if placement else ("silent",)
    reasons = tuple(dict.fromkeys((*earlier, *own)))
    start, end, speed, late = (
        (placement.start, placement.end, placement.speed, placement.late) if placement else (None, None, None, None)
    )
    return LineMeasure(line.id, line.speaker, line.start, line.end, start, end, speed, late, bool(reasons), reasons)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS) if isfinite(value) else None  # JSON has no infinity (the loudness of silence)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
