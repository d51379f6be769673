"""The judge of scenes is not blind: a dub that is its own source is found out, and a scene is what it says."""

import math

import numpy as np
import pytest

from bench.gauge.judge import decoded, judge
from bench.material.dialogue import dialogue
from bench.material.staged import RATE, stage
from worker.spans import Span


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return stage(tmp_path_factory.mktemp("scene"), 1)


def test_the_source_as_its_own_dub_is_found_out(scene):
    placed = [Span(line.start, line.end) for line in scene.lines]
    found = judge(scene, scene.video, placed)
    assert found.original_under is not None
    assert found.original_under < 3.0, "the old voice is there at full level"
    assert found.silence_in_speech > 0.9, "and no other"
    assert abs(found.loudness_off or 0.0) < 0.5
    assert found.background_off == pytest.approx(0.0, abs=1e-6)
    assert found.duration_off == 0.0
    assert found.video_identical


def test_a_scene_says_what_it_is(scene):
    assert math.isclose(len(decoded(scene.video)), len(scene.voice), abs_tol=2048)
    for line in scene.lines:
        said = scene.voice[round(line.start * RATE) : round(line.end * RATE)]
        assert np.sqrt(np.mean(np.square(said))) > 0.05
    assert {line.speaker for line in scene.lines} == {f"V{n + 1}" for n in range(int(scene.traits[0][0]))}


def test_a_dialogue_is_the_same_each_time():
    one, other = (dialogue(5, ("flite:slt", "flite:rms"), "music", lines=3) for _ in range(2))
    assert np.array_equal(one.sound, other.sound)
    assert one.lines == other.lines
    assert [line.voice for line in one.lines[:2]] == [0, 1]
