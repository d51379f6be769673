"""A line is found in a dub by its sound: where it is, how fast, and whether all of it is there."""

import numpy as np
import pytest

from bench.gauge.judge import without
from bench.gauge.traced import RATE, overlaps, traced
from bench.material.dialogue import say
from worker.media.stretch import stretch
from worker.spans import Span

SAID = "My sister buys a red car in the city."


@pytest.fixture(scope="module")
def line():
    return say("flite:slt", SAID)


@pytest.mark.parametrize("speed", [0.9, 1.0, 1.3])
def test_a_line_is_found_where_and_as_fast_as_it_is(line, speed):
    other = say("flite:rms", "The doctor wants the long letter every morning.")
    laid = stretch(line, RATE, speed)
    sound = np.random.default_rng(1).standard_normal(8 * RATE).astype(np.float32) * np.float32(1e-4)
    sound[2 * RATE : 2 * RATE + len(laid)] += laid
    after = 2 * RATE + len(laid) - RATE // 10  # across the line's end, as in cross-talk
    sound[after : after + len(other)] += other[: len(sound) - after]
    found = traced(sound, line, 2.4)
    assert found.found
    assert found.start == pytest.approx(2.0, abs=0.015)
    assert found.speed == pytest.approx(speed, abs=0.02)
    assert found.lost < 0.05


def test_a_line_that_is_cut_off_and_one_that_is_not_there_are_told(line):
    sound = np.random.default_rng(1).standard_normal(8 * RATE).astype(np.float32) * np.float32(1e-4)
    cut = line[: 2 * len(line) // 3]
    sound[2 * RATE : 2 * RATE + len(cut)] += cut
    assert traced(sound, line, 2.0).lost > 0.15
    assert not traced(sound, say("flite:kal16", "Nobody opens that small house at night."), 2.0).found


def test_the_source_is_taken_off_and_the_new_voice_is_left(line):
    old = np.pad(say("flite:rms", "The doctor wants the long letter every morning."), RATE)
    new = np.pad(line, RATE)[: len(old)]
    old = old[: len(new)]
    left = without(old, new + np.float32(0.126) * old)
    middle = slice(RATE, len(left) - RATE)
    off = np.sqrt(np.mean(np.square(left[middle] - new[middle])) / np.mean(np.square(new[middle])))
    assert off < 0.03, "a fifth of the old voice's share at the most"


def test_overlaps_are_within_a_speaker_or_between_two():
    lines = [(Span(0.0, 2.0), "A"), (Span(1.5, 3.0), "B"), (Span(1.9, 4.0), "A")]
    assert overlaps(lines) == pytest.approx((0.1, 1.1))
