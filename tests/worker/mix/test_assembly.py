"""From lines to the mix's blocks: what was planned is what is heard, to the millisecond."""

import numpy as np
import pytest
import soundfile

from bench.material.lines import lines_of
from worker.engines.protocols import Sound
from worker.media import voice_track
from worker.media.audio import blocks
from worker.media.limiter import limit
from worker.media.mix import duck_spans, ducking_gain, mix_blocks
from worker.media.stretch import StretchJob, stretch_all
from worker.timeline import plan

RATE = 48_000


def spoken(line, rate):
    count = round(line.natural * rate)
    return Sound(np.random.default_rng(line.id).normal(0, 0.05, count).clip(-0.9, 0.9).astype(np.float32), rate)


@pytest.mark.parametrize(("tier", "rate"), [("fits", 22_050), ("overfull", 8_000)])
def test_every_line_is_heard_where_the_plan_put_it(tmp_path, tier, rate):
    lines, limits = lines_of(tier, 1, minutes=1.0)
    placements = plan(lines, limits).placements
    starts = {placement.id: placement.start for placement in placements}
    jobs = [StretchJob(p.id, spoken(lines[p.id], rate), p.speed) for p in placements]
    placed = ((starts[number], samples) for number, samples in stretch_all(jobs, 1))
    total = round(limits.duration * RATE)
    voice_track.write(tmp_path / "voice.flac", placed, total)

    bed = 0.01 * np.ones((total, 2), np.float32)
    soundfile.write(tmp_path / "bed.flac", bed, RATE)
    source, dub = [(line.start, line.end) for line in lines], [(p.start, p.end) for p in placements]
    envelope = ducking_gain(duck_spans(source, dub, limits.duration))
    sounds = (blocks(tmp_path / "bed.flac"), blocks(tmp_path / "voice.flac"))
    mix = np.concatenate(list(limit(mix_blocks(*sounds, envelope, voice_gain_db=0, background="duck"))))

    assert mix.shape == (total, 2)
    voice = mix[:, 0] - bed[:, 0] * envelope.gain(0, total)[:, 0]
    loud = np.flatnonzero(np.abs(voice) > 0.004)
    for placement in placements:
        first, last = round(placement.start * RATE), round(placement.end * RATE)
        heard = loud[(loud >= first - 1_000) & (loud <= last + 1_000)]
        assert abs(heard[0] - first) <= 0.006 * RATE
        assert abs(heard[-1] - last) <= 0.006 * RATE
