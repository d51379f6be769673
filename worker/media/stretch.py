"""Speech made faster or slower at its own pitch, brought to 48 kHz and to a loudness."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import soundfile
import soxr
from python_stretch import Signalsmith

from shared.errors import PermanentError
from worker.crew import shared_out
from worker.engines.protocols import Samples, Sound
from worker.media.audio import faded
from worker.media.loudness import amplitude, gain_db
from worker.media.meter import line_lufs
from worker.memory import give_back

RATE = 48_000
# Half a per cent is not heard, and not stretching is exact.
UNHEARD = 0.005
# The processes take a quarter of a second to start; this many lines take about as long without them.
FEW_JOBS = 40
# So many lines may be done before their turn: more would only take memory.
MOST_EARLY = 4
LONG_SECONDS = 5.0
_SEED = 1  # the stretcher dithers phases: seeded, the same line always comes out the same


@dataclass(frozen=True, slots=True)
class StretchJob:
    """One line to stretch, in memory or in a mono sound file.

    `speed` is relative to the voice's own rate: 1.25 makes four seconds of five. `lufs` is how loud it is to be; None
    leaves it as it is.
    """

    id: int
    source: Path | Sound
    speed: float
    lufs: float | None = None


def stretch(samples: Samples, rate: int, speed: float) -> Samples:
    """The same speech in exactly round(n / speed) samples, still at `rate`.

    Untouched where it would be no more than half a per cent longer: never does it last longer than was asked for.
    """
    if not len(samples) or 0 <= 1 - speed <= UNHEARD:
        return samples
    stretcher = Signalsmith.Stretch(_SEED)
    stretcher.preset(1, rate)
    stretcher.setTimeFactor(speed)
    out = np.asarray(stretcher.process(np.ascontiguousarray(samples, np.float32)[np.newaxis]), np.float32)
    return _exactly(out[0], round(len(samples) / speed))


def to_48k(samples: Samples, rate: int) -> Samples:
    """Resampled to 48 kHz, in exactly round(n · 48000 / rate) samples."""
    if rate == RATE:
        return samples
    return _exactly(soxr.resample(samples, rate, RATE), round(len(samples) * RATE / rate))


def stretch_all(jobs: Iterable[StretchJob], workers: int) -> Iterator[tuple[int, Samples]]:
    """Each job's id and its speech at 48 kHz, in the jobs' order.

    Many jobs share `workers` processes, which die with the calling thread; few run here. A handful is in memory at any
    time. Raises TransientError `engine_crashed` when a process dies.
    """
    waiting = iter(jobs)
    first = list(islice(waiting, FEW_JOBS + 1))
    every = chain(first, waiting)
    if workers < 2 or len(first) <= FEW_JOBS:
        return map(_done, every)
    early: dict[int, tuple[int, Samples]] = {}
    return _in_order(shared_out(_stretcher, enumerate(every), workers, lambda: len(early) >= MOST_EARLY), early)


def _stretcher() -> Callable[[tuple[int, StretchJob]], tuple[int, tuple[int, Samples]]]:
    """Processes, for the stretcher holds the GIL."""
    return _numbered


def _numbered(item: tuple[int, StretchJob]) -> tuple[int, tuple[int, Samples]]:
    return item[0], _tidied(_done(item[1]))


def _in_order(
    done: Iterator[tuple[int, tuple[int, Samples]]], early: dict[int, tuple[int, Samples]]
) -> Iterator[tuple[int, Samples]]:
    """What came, by its number: what came before its turn is kept in `early` until then."""
    turn = 0
    for number, result in done:
        early[number] = result
        while turn in early:
            yield _tidied(early.pop(turn))
            turn += 1


def _tidied(done: tuple[int, Samples]) -> tuple[int, Samples]:
    """`done`, and what a long line took besides is given back: else each process keeps it for its next long line."""
    if len(done[1]) > LONG_SECONDS * RATE:
        give_back()
    return done


def _done(job: StretchJob) -> tuple[int, Samples]:
    sound = _read(job.source) if isinstance(job.source, Path) else job.source
    stretched = stretch(sound.samples, sound.rate, job.speed)
    if stretched is not sound.samples:  # the stretcher smears the ends of the line, which were faded
        stretched = faded(stretched, sound.rate)
    samples = to_48k(stretched, sound.rate)
    return job.id, samples if job.lufs is None else _levelled(samples, job.lufs)


def _levelled(samples: Samples, wanted: float) -> Samples:
    """As loud as wanted (LUFS); what can't be measured stays as it is."""
    return samples * np.float32(amplitude(gain_db(line_lufs(samples), wanted)))


def _read(path: Path) -> Sound:
    try:
        return Sound(*soundfile.read(path, dtype="float32"))
    except soundfile.SoundFileError as failure:
        raise PermanentError("media_unreadable", "A spoken line could not be read; its file is damaged.") from failure


def _exactly(samples: Samples, count: int) -> Samples:
    """`count` samples: the library rounds its own way, by one at most."""
    assert abs(len(samples) - count) <= 1, (len(samples), count)
    return samples[:count] if len(samples) >= count else np.pad(samples, (0, count - len(samples)))
