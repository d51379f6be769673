"""Where somebody speaks: found alone and over music, never in music; and the pieces made of it."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from tests.contracts.conftest import ALSO_ENGLISH, ENGLISH, music, spoken
from worker.engines.protocols import Samples, Sound
from worker.media.voice_activity import CUT_OVERLAP, LONGEST_PIECE, PIECE_MARGIN, pieces, voiced_spans
from worker.onsets import snap_onset
from worker.spans import Span, intersection, total, union

RATE = 16_000


@pytest.fixture(scope="module")
def dialogue() -> tuple[Samples, list[Span]]:
    """Two lines with 3 s before, between and after them, and where the lines are by their energy."""
    sound, truth = np.zeros(3 * RATE, np.float32), []
    for text, voice in ((ENGLISH, "slt"), (ALSO_ENGLISH, "rms")):
        line = spoken(text, voice)
        loud = np.flatnonzero(np.abs(line) > 0.02)
        truth.append(Span((len(sound) + loud[0]) / RATE, (len(sound) + loud[-1]) / RATE))
        sound = np.concatenate((sound, line, np.zeros(3 * RATE, np.float32)))
    return sound, truth


@pytest.mark.parametrize("below", [None, 15, 10])
def test_lines_are_found_alone_and_over_music(dialogue: tuple[Samples, list[Span]], below: float | None) -> None:
    sound, truth = dialogue
    level = float(np.sqrt(np.mean(sound[np.abs(sound) > 0.02] ** 2)))
    bed = music(len(sound) / RATE, level * 10 ** (-below / 20)) if below else 0
    found = voiced_spans([sound + bed])
    both = total(intersection(found, truth))
    assert both / total(truth) > 0.9
    assert both / total(found) > 0.9
    for line in truth:
        assert abs(snap_onset(line.start, found) - line.start) < 0.15


def test_block_sizes_do_not_matter(dialogue: tuple[Samples, list[Span]]) -> None:
    sound, _ = dialogue
    blocks = [sound[start : start + 777] for start in range(0, len(sound), 777)]
    assert voiced_spans(blocks) == voiced_spans([sound])


def test_the_model_costs_what_its_arithmetic_costs(dialogue: tuple[Samples, list[Span]]) -> None:
    """0.4 % of the sound's length; with a thread team for each small matrix it was 3 to 4 %."""
    sound = np.tile(dialogue[0], 4)
    used = time.process_time()
    voiced_spans([sound])
    assert time.process_time() - used < 0.02 * len(sound) / RATE


def test_threads_find_the_same_at_once(dialogue: tuple[Samples, list[Span]]) -> None:
    sound, _ = dialogue
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda _: voiced_spans([sound]), range(3)))
    assert found == [voiced_spans([sound])] * 3


@pytest.mark.parametrize("sound", [music(20.0), np.zeros(RATE, np.float32), np.zeros(0, np.float32)])
def test_there_is_no_voice_in_music_or_silence(sound: Samples) -> None:
    assert voiced_spans([sound]) == []


def test_pieces_hold_all_spans_and_are_cut_in_pauses() -> None:
    spans = [Span(start, start + 3.5) for start in np.arange(1.0, 100.0, 4.0)]
    spans += [Span(200.0, 390.0), Span(400.0, 401.0)]
    reads = []

    def read(start: float, end: float) -> Sound:
        reads.append(end - start)
        random = np.random.default_rng(int(start))
        return Sound(random.standard_normal(int((min(end, 400.9) - start) * 100)).astype(np.float32), 100)

    made = list(pieces(spans, read, 30.0))
    assert [piece.index for piece in made] == list(range(len(made)))
    stretches = [Span(piece.start, piece.start + piece.sound.seconds) for piece in made]
    assert all(left.end <= right.start + 0.02 for left, right in pairwise(stretches) if not 200 < right.start < 390)
    cut = [(left, right) for left, right in pairwise(stretches) if 200 < right.start < 390]
    assert len(cut) >= 3
    assert all(left.end - right.start == pytest.approx(CUT_OVERLAP, abs=0.02) for left, right in cut)
    assert total(intersection(union(spans), union(stretches, 0.02))) >= total(spans) - 0.2
    assert all(piece.sound.seconds <= 30.5 for piece in made if piece.start < 150)
    assert max(reads) <= LONGEST_PIECE + 2 * PIECE_MARGIN + 0.01


def noise(start: float, end: float) -> Sound:
    return Sound(np.ones(round((end - start) * 100), np.float32), 100)


def test_pieces_may_hear_the_end_of_the_one_before_from_the_start_of_a_voice() -> None:
    spans = [Span(start, start + 3.5) for start in np.arange(1.0, 200.0, 4.0)]
    made = list(pieces(spans, noise, 60.0, overlap=10.0))
    assert len(made) > 3
    for left, right in pairwise(made):
        assert 5.0 < left.start + left.sound.seconds - right.start <= 10.0 + PIECE_MARGIN
        assert right.start in [span.start for span in spans]
    assert max(piece.sound.seconds for piece in made) <= 60.0


def test_long_pauses_are_silent_in_a_piece_that_goes_through_them() -> None:
    made = list(pieces([Span(1.0, 2.0), Span(3.0, 4.0), Span(30.0, 31.0)], noise, 60.0, through_pauses=True))
    assert len(made) == 1
    loud = np.flatnonzero(made[0].sound.samples) / 100 + made[0].start
    assert not np.any((loud > 4.0 + PIECE_MARGIN) & (loud < 30.0 - PIECE_MARGIN - 0.02))
    assert np.any((loud > 2.2) & (loud < 2.8))  # a short pause stays as it was
    assert len(list(pieces([Span(1.0, 2.0), Span(30.0, 31.0)], noise, 60.0))) == 2


def test_pieces_are_read_only_when_asked_for() -> None:
    reads = []

    def read(start: float, end: float) -> Sound:
        reads.append(start)
        return Sound(np.zeros(10, np.float32), 10)

    made = pieces([Span(0.0, 1.0), Span(10.0, 11.0)], read)
    assert reads == []
    next(made)
    assert len(reads) == 1
