"""What the measurements stand on: the log read right, the talk and the lines as they should be, tables that line up."""

import hashlib
import json
import os
import time
from itertools import pairwise

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.gauge.alone import alone
from bench.gauge.memory import Sampler, tree_bytes
from bench.gauge.stages import stages_of
from bench.gauge.table import table
from bench.material.lines import lines_of, write_clips
from bench.material.talk import music, sentences
from bench.providers import Call, Limits, scheduled

JOB = "01a20a5c-5389-758b-bc53-6da9cb1087ee"


def record(second: float, event: str, job_id: str = JOB, **more: str) -> str:
    return json.dumps({"timestamp": f"2026-11-23T10:00:{second:09.6f}Z", "event": event, "job_id": job_id, **more})


LOG = [
    "[INFO] Booting worker",
    record(1, "claimed"),
    record(2.5, "stage begins", stage="fetch"),
    record(3, "stage begins", "another job", stage="mux"),
    record(4, "made", stage="fetch", artifact="extract"),
    record(4.25, "stage begins", stage="extract"),
    record(6, "child ended", code="0"),
]


def test_languages_run_side_by_side():
    log = [
        record(1, "claimed"),
        record(2, "stage begins", stage="transcribe"),
        record(5, "stage begins", stage="mix", language="es"),
        record(6, "stage begins", stage="mix", language="fr"),
        record(7, "stage begins", stage="mux", language="es"),
        record(9, "child ended", code="0"),
    ]
    spans = [(stage.name, stage.seconds) for stage in stages_of(log, JOB)]
    assert spans == [("start", 1), ("transcribe", 3), ("mix es", 2), ("mux es", 2), ("mix fr", 3)]


def test_a_stage_ends_where_the_next_begins():
    stages = stages_of(LOG, JOB)
    assert [(stage.name, round(stage.seconds, 6)) for stage in stages] == [
        ("start", 1.5),
        ("fetch", 1.75),
        ("extract", 1.75),
    ]
    assert all(before.end == after.start for before, after in pairwise(stages))


@pytest.mark.parametrize("log", [[], LOG[:-1], LOG[2:], [LOG[1], LOG[-1]]])
def test_a_log_that_does_not_follow_the_job_is_refused(log):
    with pytest.raises(ValueError, match="does not follow"):
        stages_of(log, JOB)


def test_music_is_the_same_however_it_is_cut():
    whole = music(0, 500_000)
    cut = np.concatenate([music(first, min(70_001, 500_000 - first)) for first in range(0, 500_000, 70_001)])
    np.testing.assert_array_equal(whole, cut)
    assert 20 * np.log10(np.sqrt(np.mean(np.square(whole)))) == pytest.approx(-38, abs=1.5)


def test_a_seed_says_what_is_said():
    assert sentences(168, 1) == sentences(168, 1) != sentences(168, 2)
    assert {speaker for speaker, _ in sentences(34, 1)} == {"Ana", "Ben"}


@pytest.mark.parametrize(("tier", "digest"), [("fits", "6dbb1f980b1090be"), ("overfull", "cc33ac9375ac2e07")])
def test_the_lines_are_the_standard_fixtures(tier, digest):
    lines, _ = lines_of(tier, 1)
    names = ("id", "start", "end", "speaker", "natural")
    document = json.dumps([{name: getattr(line, name) for name in names} for line in lines])
    assert hashlib.sha256(document.encode()).hexdigest()[:16] == digest


def test_clips_are_as_long_as_their_lines(tmp_path):
    import soundfile

    lines, _ = lines_of("overfull", 1, minutes=0.5)
    for line, clip in zip(lines, write_clips(tmp_path, lines, 1), strict=True):
        assert soundfile.info(clip).duration == pytest.approx(line.natural, abs=1e-4)


def take(mib: int) -> None:
    taken = bytearray(os.urandom(1024)) * (1024 * mib)
    time.sleep(0.3)
    assert taken


def test_memory_is_the_parts_own():
    less, more = alone(take, 10, runs=1), alone(take, 110, runs=1)
    assert more.peak_bytes - less.peak_bytes == pytest.approx(100 * 1024**2, rel=0.3)


def test_a_part_that_fails_is_named(capfd):
    with pytest.raises(RuntimeError, match="take failed"):
        alone(take, "no number", runs=1)
    assert "TypeError" in capfd.readouterr().err


def test_a_process_that_is_gone_takes_nothing():
    gone = psutil.Popen(["true"])
    gone.wait()
    assert tree_bytes(gone) == 0
    assert Sampler(lambda: None).peak() == 0


def test_columns_line_up():
    text = table("title", ("part", "s", "what"), [("a", "1.25", "x"), ("longer", "10.00", "y")])
    assert text.splitlines() == [
        "title",
        "part        s  what",
        "------  -----  ----",
        "a        1.25  x",
        "longer  10.00  y",
    ]


CALLS = st.lists(st.builds(Call, st.floats(0, 20), st.floats(0.1, 5)), min_size=1, max_size=30)


@given(CALLS, st.integers(1, 5), st.floats(20, 600))
def test_a_schedule_keeps_the_limits_and_wastes_nothing(calls: list[Call], at_once: int, per_minute: float) -> None:
    ends = scheduled(calls, Limits(at_once, per_minute))
    begun = [end - call.seconds for end, call in zip(ends, calls, strict=True)]
    assert all(start >= call.ready - 1e-6 for start, call in zip(begun, calls, strict=True))
    for moment in begun:
        under_way = sum(start <= moment + 1e-6 < end - 1e-6 for start, end in zip(begun, ends, strict=True))
        assert under_way <= at_once
        assert sum(moment - 1e-6 <= start < moment + 60 for start in begun) <= per_minute + at_once + 1
    if at_once >= len(calls) and per_minute >= 60 * len(calls):
        assert max(ends) == pytest.approx(max(call.ready + call.seconds for call in calls))
