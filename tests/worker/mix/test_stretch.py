import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import PermanentError
from worker.engines.protocols import Sound
from worker.media import stretch
from worker.media.meter import line_lufs
from worker.media.stretch import StretchJob, stretch_all, to_48k

ROOT = Path(__file__).parents[3]


def tone(rate, seconds, pitch=200.0):
    return (0.3 * np.sin(2 * np.pi * pitch * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def pitch_of(samples, rate):
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 19))
    return np.argmax(spectrum) * rate / (1 << 19)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40_000), st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100]), st.floats(0.8, 2.0))
def test_the_length_is_exact_to_the_sample(count, rate, speed):
    noise = np.random.default_rng(count).normal(0, 0.1, count).astype(np.float32)
    stretched = stretch.stretch(noise, rate, speed)
    assert len(stretched) == (count if 0.995 <= speed <= 1 else round(count / speed))
    assert np.all(np.isfinite(stretched))
    assert len(to_48k(stretched, rate)) == round(len(stretched) * 48_000 / rate)


@pytest.mark.parametrize("speed", [0.85, 1.2, 1.4, 2.0])
def test_pitch_stays_and_nothing_is_lost(speed):
    rate = 22_050
    given_tone = tone(rate, 2.0)
    stretched = stretch.stretch(given_tone, rate, speed)
    assert pitch_of(stretched, rate) == pytest.approx(200, abs=1)
    assert np.sum(stretched**2) * speed == pytest.approx(np.sum(given_tone**2), rel=0.1)


def test_an_onset_stays_at_its_place():
    rate, clicks = 24_000, np.zeros(48_000, np.float32)
    clicks[12_000] = 0.9
    stretched = stretch.stretch(clicks, rate, 1.25)
    assert abs(np.argmax(np.abs(stretched)) - 9_600) <= rate * 0.001


def test_half_a_per_cent_too_short_is_left_untouched_and_never_is_a_line_too_long():
    given_tone = tone(16_000, 0.5)
    assert stretch.stretch(given_tone, 16_000, 0.996) is given_tone
    assert len(stretch.stretch(given_tone, 16_000, 1.004)) == round(8_000 / 1.004)


def test_the_same_line_comes_out_the_same():
    given_tone = tone(16_000, 0.5)
    assert np.array_equal(stretch.stretch(given_tone, 16_000, 1.3), stretch.stretch(given_tone, 16_000, 1.3))


def jobs(directory, count):
    for number in range(count):
        soundfile.write(directory / f"{number}.flac", tone(16_000, 0.3 + number % 7 / 10), 16_000)
        yield StretchJob(number, directory / f"{number}.flac", 1.0 + number % 5 / 10)


def test_processes_and_none_give_the_same_in_the_same_order(tmp_path):
    many = list(jobs(tmp_path, stretch.FEW_JOBS + 5))
    alone, shared = list(stretch_all(many, workers=1)), list(stretch_all(iter(many), workers=2))
    assert [number for number, _ in alone] == [number for number, _ in shared] == list(range(len(many)))
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(alone, shared, strict=True))


def test_sound_in_memory_and_in_a_file_are_the_same(tmp_path):
    (job,) = jobs(tmp_path, 1)
    in_memory = StretchJob(0, Sound(soundfile.read(job.source, dtype="float32")[0], 16_000), job.speed)
    (_, one), (_, other) = *stretch_all([job], 1), *stretch_all([in_memory], 1)
    assert np.array_equal(one, other)


@pytest.mark.parametrize("speed", [1.0, 1.3, 0.85])
def test_a_line_is_as_loud_as_wanted(speed):
    spoken = tone(16_000, 1.5)
    ((_, samples),) = stretch_all([StretchJob(0, Sound(spoken * 0.02, 16_000), speed, -23.0)], 1)
    assert line_lufs(samples) == pytest.approx(-23.0, abs=0.05)


def test_a_silent_line_stays_silent():
    ((_, samples),) = stretch_all([StretchJob(0, Sound(np.zeros(8_000, np.float32), 16_000), 1.0, -23.0)], 1)
    assert not samples.any()


@pytest.mark.parametrize("speed", [1.3, 0.85])
def test_a_stretched_line_begins_and_ends_softly(speed):
    ((_, samples),) = stretch_all([StretchJob(0, Sound(tone(16_000, 1.0), 16_000), speed)], 1)
    assert np.abs(samples[[0, -1]]).max() < 0.01


def test_a_damaged_line_is_named(tmp_path):
    (tmp_path / "line.flac").write_bytes(b"not a sound")
    with pytest.raises(PermanentError, match="damaged"):
        list(stretch_all([StretchJob(0, tmp_path / "line.flac", 1.2)], 1))


STRETCHING = """
import sys
from pathlib import Path
from worker.media.stretch import FEW_JOBS, StretchJob, stretch_all

if __name__ == "__main__":
    jobs = (StretchJob(n, Path(sys.argv[1]), 1.3) for n in range(10**6))
    for _ in stretch_all(jobs, 2):
        print("stretched", flush=True)
"""


def test_the_processes_die_with_their_parent(tmp_path):
    soundfile.write(tmp_path / "line.flac", tone(16_000, 3), 16_000)
    (tmp_path / "stretching.py").write_text(STRETCHING)
    command = [sys.executable, tmp_path / "stretching.py", tmp_path / "line.flac"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)}) as parent:
        parent.stdout.readline()
        children = [child.pid for child in psutil.Process(parent.pid).children(recursive=True)]
        os.kill(parent.pid, signal.SIGKILL)
    assert len(children) == 3  # the one that leads, and its two
    deadline = time.monotonic() + 2
    while any(alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [pid for pid in children if alive(pid)]


def alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
