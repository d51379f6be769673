"""How long it takes to assemble a dub's sound from its spoken lines, beside each part by itself.

Read clips, stretch, lay the voice track, mix it over the bed, limit, measure the loudness, write. Every row is a
process of its own, so its memory is its own; what a part is fed with was made before, on disk. Nothing is asserted.
"""

import argparse
import tempfile
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from bench.gauge.alone import Ran, alone
from bench.gauge.table import mib, setting, table
from bench.material.lines import Tier
from bench.material.scene import Scene, feed, prepared
from worker.media.audio import blocks, write_flac
from worker.media.limiter import limit
from worker.media.meter import Meter, lufs, measured
from worker.media.mix import RATE
from worker.threads import ahead

PACKAGES = ("numpy", "python-stretch", "scipy", "soundfile", "soxr")
TIERS: tuple[Tier, ...] = ("fits", "overfull")
HEAD = ("part", "seconds", "CPU s", "× realtime", "peak MiB", "what it does")

Samples = NDArray[np.float32]


def imports(_: Scene) -> None:
    """nothing: Python and the libraries"""


def planned(scene: Scene) -> None:
    """the timeline of all lines; imports the solver"""
    scene.planned()


def read(scene: Scene) -> None:
    """every clip, one after another"""
    for clip in scene.clips:
        soundfile.read(clip, dtype="float32")


def stretched(scene: Scene) -> None:
    """reads, stretches, levels, resamples to 48 kHz"""
    deque(scene.stretched(scene.planned()), maxlen=0)


def voice(scene: Scene) -> None:
    """lays stretched lines, writes mono FLAC"""
    write_flac(scene.path("again.flac"), scene.voice(scene.planned(), scene.read_stretched()), RATE, 1)


def mixed(scene: Scene) -> None:
    """reads bed and voice (FLAC), ducks, adds"""
    deque(scene.mixed(scene.planned(), blocks(scene.path("voice.flac"))), maxlen=0)


def limited(scene: Scene) -> None:
    """the mix, from PCM; nothing is written"""
    deque(limit(scene.read_mixed()), maxlen=0)


def loudness(scene: Scene) -> None:
    """the mix, from PCM"""
    measured(scene.read_mixed())


def flac(scene: Scene) -> None:
    """stereo PCM as 16-bit FLAC"""
    write_flac(scene.path("out.flac"), scene.read_mixed(), RATE, 2)


def wav(scene: Scene) -> None:
    """stereo PCM as 16-bit WAV"""
    _write_wav(scene.path("out.wav"), scene.read_mixed())


def by_stages(scene: Scene) -> None:
    """the same, its voice track kept as FLAC, as a job does"""
    plan = scene.planned()
    write_flac(scene.path("track.flac"), scene.voice(plan, scene.stretched(plan)), RATE, 1)
    _finish(scene, scene.mixed(plan, ahead(blocks(scene.path("track.flac")))))


def everything(scene: Scene) -> None:
    """from clips to WAV, and its loudness"""
    plan = scene.planned()
    _finish(scene, scene.mixed(plan, scene.voice(plan, scene.stretched(plan))))


ALONE: dict[str, Callable[[Scene], object]] = {
    "plan": planned,
    "read clips": read,
    "stretch": stretched,
    "voice track": voice,
    "mix": mixed,
    "limiter": limited,
    "loudness": loudness,
    "WAV out": wav,
}
PARTS: dict[str, Callable[[Scene], object]] = {
    "all": everything,
    "all, by stages": by_stages,
    "imports": imports,
    **ALONE,
    "FLAC out": flac,
}
WHOLE = ("all", "all, by stages", "imports")
# Those that together do what `all` does: stretching reads the clips.
SUMMED = ("plan", "stretch", "voice track", "mix", "limiter", "loudness", "WAV out")


def measure(tier: Tier, minutes: float, seed: int, folder: Path, *, whole: bool) -> str:
    """All parts over the lines of one tier, as a table; with `whole` only what does everything."""
    scene = prepared(tier, minutes, seed, folder)
    if not whole:
        feed(scene)
    found = {name: alone(PARTS[name], scene) for name in (WHOLE if whole else PARTS)}
    rows = [_row(scene, name, ran, PARTS[name].__doc__ or "") for name, ran in found.items()]
    if not whole:
        rows.insert(2, _row(scene, "sum of its parts", _sum(found), f"run alone: {', '.join(SUMMED)}"))
    speech = sum(line.natural for line in scene.lines)
    return table(f"{tier}: {len(scene.lines)} lines, {speech:.0f} s of speech in {minutes:g} minutes", HEAD, rows)


def _sum(found: dict[str, Ran]) -> Ran:
    parts = [found[name] for name in SUMMED]
    return Ran(sum(p.seconds for p in parts), sum(p.cpu_seconds for p in parts), max(p.peak_bytes for p in parts))


def _row(scene: Scene, name: str, ran: Ran, what: str) -> tuple[str, ...]:
    realtime = f"{scene.limits.duration / ran.seconds:,.0f}" if ran.seconds > 0.001 else ""
    return name, f"{ran.seconds:.2f}", f"{ran.cpu_seconds:.2f}", realtime, mib(ran.peak_bytes), what


def _finish(scene: Scene, mixed: Iterable[Samples]) -> None:
    """Limit, measure and write; the writer has a thread of its own."""
    meter = Meter()
    _write_wav(scene.path("dub.wav"), ahead(meter.heard(limit(mixed))))
    lufs(meter.powers())


def _write_wav(path: Path, sound: Iterable[Samples]) -> None:
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for block in sound:
            file.write(block)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.assembly", description=__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[10.0], help="how long the files are; default: 10")
    parser.add_argument("--tier", choices=TIERS, nargs="+", default=TIERS, help="default: both")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--whole", action="store_true", help="no part alone: for long files")
    arguments = parser.parse_args()
    for minutes in arguments.minutes:
        for tier in arguments.tier:
            with tempfile.TemporaryDirectory(prefix="onevoice-bench-") as folder:
                print(measure(tier, minutes, arguments.seed, Path(folder), whole=arguments.whole), flush=True)
    print("The fastest of up to three runs. Memory is PSS of the part's processes, sampled every 0.05 s.")
    print(setting(arguments.seed, PACKAGES))


if __name__ == "__main__":
    main()
