"""How long it takes to assemble a dub's sound from its spoken lines, beside each part by itself.

Read clips, stretch, lay the voice track, mix it over the bed, limit, write. Every row is a process of its own, so its
memory is its own; what a part is fed with was made before, on disk. Nothing is asserted.
"""

import argparse
import tempfile
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from bench.gauge.alone import alone
from bench.gauge.table import mib, setting, table
from bench.material.lines import Tier
from bench.material.scene import Scene, prepared
from worker.media.audio import write_flac
from worker.media.limiter import limit
from worker.media.mix import RATE

PACKAGES = ("numpy", "python-stretch", "soundfile", "soxr")
TIERS: tuple[Tier, ...] = ("fits", "overfull")
HEAD = ("part", "seconds", "CPU s", "× realtime", "peak MiB", "what it does")

Samples = NDArray[np.float32]


def imports(_: Scene) -> None:
    """nothing: Python and the libraries"""


def planned(scene: Scene) -> None:
    """the timeline of all lines"""
    scene.planned()


def read(scene: Scene) -> None:
    """every clip, one after another"""
    for clip in scene.clips:
        soundfile.read(clip, dtype="float32")


def stretched(scene: Scene) -> None:
    """reads, stretches, resamples to 48 kHz"""
    deque(scene.stretched(), maxlen=0)


def voice(scene: Scene) -> None:
    """lays stretched lines, writes mono FLAC"""
    scene.lay("again.flac", scene.read_stretched())


def mixed(scene: Scene) -> None:
    """reads bed and voice (FLAC), ducks, adds"""
    deque(scene.mixed(), maxlen=0)


def limited(scene: Scene) -> None:
    """the mix, from PCM; nothing is written"""
    deque(limit(scene.read_mixed()), maxlen=0)


def flac(scene: Scene) -> None:
    """stereo PCM as 16-bit FLAC"""
    write_flac(scene.path("out.flac"), scene.read_mixed(), RATE, 2)


def wav(scene: Scene) -> None:
    """stereo PCM as 16-bit WAV"""
    _write_wav(scene.path("out.wav"), scene.read_mixed())


def all_flac(scene: Scene) -> None:
    """everything, from clips to FLAC"""
    scene.lay("voice.flac", scene.stretched())
    write_flac(scene.path("dub.flac"), limit(scene.mixed()), RATE, 2)


def all_wav(scene: Scene) -> None:
    """everything, from clips to WAV"""
    scene.lay("voice.flac", scene.stretched())
    _write_wav(scene.path("dub.wav"), limit(scene.mixed()))


PARTS: dict[str, Callable[[Scene], object]] = {
    "all, FLAC out": all_flac,
    "all, WAV out": all_wav,
    "imports": imports,
    "plan": planned,
    "read clips": read,
    "stretch": stretched,
    "voice track": voice,
    "mix": mixed,
    "limiter": limited,
    "FLAC out": flac,
    "WAV out": wav,
}


def measure(tier: Tier, minutes: float, seed: int, folder: Path) -> str:
    """All parts over the lines of one tier, as a table."""
    scene = prepared(tier, minutes, seed, folder)
    rows = []
    for name, part in PARTS.items():
        ran = alone(part, scene)
        realtime = f"{scene.limits.duration / ran.seconds:,.0f}" if ran.seconds > 0.001 else ""
        rows.append(
            (name, f"{ran.seconds:.2f}", f"{ran.cpu_seconds:.2f}", realtime, mib(ran.peak_bytes), part.__doc__ or "")
        )
    speech = sum(line.natural for line in scene.lines)
    return table(f"{tier}: {len(scene.lines)} lines, {speech:.0f} s of speech in {minutes:g} minutes", HEAD, rows)


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
    arguments = parser.parse_args()
    for minutes in arguments.minutes:
        for tier in arguments.tier:
            with tempfile.TemporaryDirectory(prefix="onevoice-bench-") as folder:
                print(measure(tier, minutes, arguments.seed, Path(folder)), flush=True)
    print("The fastest of up to three runs. Memory is PSS of the part's processes, sampled every 0.05 s.")
    print(setting(arguments.seed, PACKAGES))


if __name__ == "__main__":
    main()
