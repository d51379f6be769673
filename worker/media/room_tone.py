"""The sound of the room itself, for where the background is left out or turned down: what is always there, also between
words.

Its spectrum is the least that each frequency has (minimum statistics, Martin 2001), less what is too steady for noise,
so neither speech nor music are in it; its phases are random, so nothing of it is recognised or repeats as a rhythm. Its
channels are as loud and as alike as the room's own are: what comes from the middle stays there.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from worker.engines.protocols import Samples

RATE = 48_000
FRAME = 2048
# Four looks a second are enough, and reading is all that they cost. So many, shared by the channels, say all about a
# longer file, too, and are held together.
EVERY_SECONDS = 0.25
MOST_LOOKS = 600
# A frequency's floor is read off the looks at it of which half have nothing but noise. The power of noise has an
# exponential distribution: of these the least tenth, 5 % of all, are below 0.11 of its mean, and half of them below
# 0.69.
LEAST, HALF = 0.05, 0.25
BELOW_LEAST, BELOW_HALF = -np.log(1 - 2 * LEAST), -np.log(1 - 2 * HALF)
# Where more of them have nothing else that was too little, by so much at the most. The whole of the noise hardly
# changes, so that a quiet look tells.
QUIET, MOST_RAISED = 0.1, 2.3
# Noise flutters: of two frames one after another the stronger one has, on average, half of both's power more than the
# other. A held chord or a hum hardly does, nor does one that swells; it is no noise, and would be a poor one.
FLUTTERS = 0.4
EVEN = 9  # frequencies, 23 Hz apart, that say together whether they flutter
SMOOTH = 15  # and of which the middle one says how loud noise is there: it has no peaks
# Louder is no room; a file without a floor of its own gets none.
LOUDEST_DBFS, SOFTEST_DBFS = -50.0, -90.0
# Between lines that are heard with the original around them, so loud a room is one.
LOUDEST_AROUND_DBFS = -36.0
LOOP_SECONDS = 5
_TINY = 1e-30

Room = NDArray[np.complex128]
Powers = NDArray[np.float64]


def floor(path: Path) -> Room:
    """The densities (FRAME // 2 + 1, channels, channels) up to 24 kHz of the noise that a 48 kHz sound always has.

    The powers of the channels, and between them what they have in common.
    """
    spectra = _sounding(path)
    if not len(spectra):
        return np.zeros((*spectra.shape[2:], spectra.shape[3]), np.complex128)
    powers = np.square(np.abs(spectra))  # a single channel's has the distribution above, however alike they are
    spectra, power = spectra[:, 0], powers[:, 0]
    whole = power.sum(axis=(1, 2))
    quiet = spectra[whole <= np.quantile(whole, QUIET)]
    shared = np.einsum("lfc,lfd->fcd", quiet, quiet.conj())
    noise = _noise(powers)
    had = np.einsum("fcc->fc", shared).real
    scale = np.sqrt(noise * _raised(power, noise) / np.maximum(had, _TINY))
    return np.asarray(shared * scale[:, :, np.newaxis] * scale[:, np.newaxis, :])


def _sounding(path: Path) -> NDArray[np.complex64]:
    """Looks at it (looks, 2 frames one after another, frequencies, channels), but for silence at its ends."""
    nothing = np.zeros((0, 2, FRAME // 2 + 1, soundfile.info(path).channels), np.complex64)
    spectra = np.array([_spectra(frames) for frames in _looks(path)] or nothing)
    loud = np.flatnonzero(np.sum(np.square(np.abs(spectra[:, 0])), axis=(1, 2)) > 10 ** (SOFTEST_DBFS / 10))
    return spectra[loud[0] : loud[-1] + 1] if len(loud) else nothing


def _noise(powers: Powers) -> Powers:
    """The mean power of noise at each frequency of each channel, 0 where it is none, from what its looks say."""
    one, other = powers[:, 0], powers[:, 1]
    least, half = np.quantile(one, (LEAST, HALF), axis=0)
    power = np.minimum(least / BELOW_LEAST, half / BELOW_HALF)
    both = one + other
    low, high = np.quantile(both, (2 * LEAST, 2 * HALF), axis=0)
    quiet = (both >= low) & (both <= high)  # the least of a chord is where it begins or ends
    fluttering = np.sum(quiet * np.abs(one - other) / np.maximum(both, _TINY), axis=0)
    flutter = fluttering / np.maximum(1, np.sum(quiet, axis=0))  # of two looks neither may be as loud as that
    return np.asarray(np.minimum(power, _middle(power, SMOOTH)) * (_middle(flutter, EVEN) >= FLUTTERS))


def _raised(power: Powers, noise: Powers) -> float:
    """How many times louder than `noise` a quiet look (power: looks, frequencies, channels) is, where that is noise."""
    quiet = float(np.quantile(power[:, noise > 0].sum(axis=1), QUIET))
    return min(MOST_RAISED, max(1.0, quiet / max(float(noise.sum()), _TINY)))


def _middle(values: Powers, count: int) -> Powers:
    padded = np.pad(values, ((count // 2, count // 2), (0, 0)), mode="edge")
    return np.asarray(np.median(sliding_window_view(padded, count, axis=0), axis=-1))


def power_of(room: Room) -> Powers:
    """The power density at each frequency, a mean over the channels: their sum is the mean square."""
    return np.asarray(np.trace(room, axis1=1, axis2=2).real / room.shape[1])


def missing(source: Room, bed: Room | None, loudest_dbfs: float = LOUDEST_DBFS) -> Room:
    """What lacks of the source's floor where `bed` is played (None: nothing is), no louder than a room is."""
    had = power_of(source)
    lacking = had if bed is None else np.maximum(0.0, had - power_of(bed))
    level = float(np.sum(lacking))
    if level <= 10 ** (SOFTEST_DBFS / 10):
        return np.zeros_like(source)
    share = lacking / np.maximum(had, _TINY) * min(1.0, 10 ** (loudest_dbfs / 10) / level)
    return np.asarray(source * share[:, np.newaxis, np.newaxis])


def loop(room: Room, seed: int = 1) -> Samples:
    """Noise of those densities, (n, channels), which follows on itself without a seam."""
    count, channels = LOOP_SECONDS * RATE, room.shape[1]
    powers, sides = np.linalg.eigh(room)
    sides = sides * np.sqrt(np.maximum(powers, 0.0) * FRAME / count / 2)[:, np.newaxis, :] * count
    nearest = np.rint(np.arange(count // 2 + 1) * (FRAME / count)).astype(int)
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (count // 2 + 1, channels))
    spectrum = np.zeros((count // 2 + 1, channels), np.complex128)
    for side in range(channels):
        spectrum += sides[nearest, :, side] * np.exp(1j * phases[:, side, np.newaxis])
    return np.fft.irfft(spectrum, count, axis=0).astype(np.float32)


def under(blocks: Iterable[Samples], tone: Samples) -> Iterator[Samples]:
    """`blocks` (n, channels) with the loop `tone` under them."""
    position = 0
    for block in blocks:
        yield block + piece(tone, position, len(block))
        position += len(block)


def piece(tone: Samples, first: int, count: int) -> Samples:
    """`count` samples of the endless tone from sample `first` on."""
    begin = first % len(tone)
    if begin + count <= len(tone):
        return tone[begin : begin + count]
    return np.take(tone, np.arange(first, first + count), axis=0, mode="wrap")


def _looks(path: Path) -> Iterator[Samples]:
    with soundfile.SoundFile(path) as file:
        step = max(round(EVERY_SECONDS * file.samplerate), -(-file.frames * file.channels // MOST_LOOKS))
        for first in range(0, file.frames - 2 * FRAME + 1, step):
            file.seek(first)
            yield file.read(2 * FRAME, dtype="float32", always_2d=True)


def _spectra(look: Samples) -> NDArray[np.complex64]:
    """(2, FRAME // 2 + 1, channels), whose squares add up to the mean square of each half."""
    window = np.hanning(FRAME)
    frames = look.reshape(2, FRAME, -1) * window[:, np.newaxis]
    return np.asarray(np.fft.rfft(frames, axis=1) * np.sqrt(2 / (FRAME * np.sum(window**2))), np.complex64)
