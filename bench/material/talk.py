"""A talk of any length: two flite voices over soft music, an H.264 picture, and exactly what is said.

Seeded; written block by block, so that memory does not grow with its length.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from local.sample import CHORD_SECONDS, CHORDS, LANGUAGE, RATE, VOICES, Line

LINES_A_MINUTE = 16.8
LEAD_SECONDS, TAIL_SECONDS, LEAST_GAP_SECONDS = 0.5, 1.0, 0.3
SPEECH_RMS_DB, MUSIC_RMS_DB = -20.0, -38.0
PAD_RMS = 0.83  # of one side of the pad below, before its level is set
WHO = ("My sister", "The teacher", "Our neighbor", "The doctor", "My brother", "The old man", "Your friend", "The girl")
DOES = ("wants", "likes", "sells", "knows", "needs", "buys", "finds", "opens", "remembers", "brings")
WHAT = ("a new book", "the white house", "a good school", "the small garden", "a red car", "the long letter", "a table")
WHEN = ("every morning", "in the city", "with the children", "near the river", "on Monday", "at night", "this year")

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Talk:
    """The video, its transcript (JSON) and how long it is in seconds."""

    video: Path
    transcript: Path
    seconds: float
    lines: int


def make(folder: Path, minutes: float, seed: int) -> Talk:
    """Write talk.mp4 and talk.json into `folder`. Raises CalledProcessError when flite or ffmpeg fails."""
    sound = folder / "talk.wav"
    lines: list[Line] = []
    with soundfile.SoundFile(sound, "w", RATE, 2, "PCM_16") as file:
        for block in _blocks(minutes * 60, seed, folder / "line.wav", lines):
            file.write(block)
    _film(sound, folder / "talk.mp4")
    sound.unlink()
    document = {"language": LANGUAGE, "segments": [asdict(line) for line in lines]}
    (folder / "talk.json").write_text(json.dumps(document), encoding="utf-8")
    return Talk(folder / "talk.mp4", folder / "talk.json", minutes * 60, len(lines))


def sentences(count: int, seed: int) -> list[tuple[str, str]]:
    """Who says what: speakers in turns of one to three lines."""
    rng = np.random.default_rng([seed, 3])
    texts = [" ".join(str(rng.choice(part)) for part in (WHO, DOES, WHAT, WHEN)) + "." for _ in range(count)]
    speakers = np.cumsum(rng.random(count) < 0.5) % len(VOICES)
    return [(list(VOICES)[speaker], text) for speaker, text in zip(speakers, texts, strict=True)]


def music(first: int, count: int) -> Samples:
    """`count` samples (n, 2) of slow chords from sample `first` on; any cut into blocks gives the same music."""
    time = (first + np.arange(count)) / RATE
    within = time % CHORD_SECONDS
    swell = np.sqrt(np.sin(np.pi * within / CHORD_SECONDS))
    number = (time // CHORD_SECONDS).astype(int) % len(CHORDS)
    pad = np.zeros((count, 2))
    for voice in range(len(CHORDS[0])):
        frequency = 110.0 * 2 ** (np.array([chord[voice] for chord in CHORDS])[number] / 12)
        phase = 2 * np.pi * frequency * within
        right = (voice + 0.5) / len(CHORDS[0])
        pad += ((np.sin(phase) + 0.3 * np.sin(2 * phase)) * swell)[:, None] * np.sqrt([1 - right, right])
    return (pad * (10 ** (MUSIC_RMS_DB / 20) / PAD_RMS)).astype(np.float32)


def _blocks(seconds: float, seed: int, scratch: Path, lines: list[Line]) -> Iterator[Samples]:
    """The sound, line by line; what was said goes into `lines`."""
    said = sentences(round(seconds / 60 * LINES_A_MINUTE), seed)
    step = (seconds - LEAD_SECONDS - TAIL_SECONDS) / len(said)
    position = 0
    for number, (speaker, text) in enumerate(said):
        start = max(round((LEAD_SECONDS + number * step) * RATE), position + round(LEAST_GAP_SECONDS * RATE))
        spoken = _say(text, VOICES[speaker], scratch)
        yield music(position, start - position)
        yield music(start, len(spoken)) + spoken[:, None]
        position = start + len(spoken)
        lines.append(Line(round(start / RATE, 3), round(position / RATE, 3), speaker, text))
    scratch.unlink()
    if position > seconds * RATE:
        raise ValueError("the lines are longer than the talk")
    yield music(position, round(seconds * RATE) - position)


def _say(text: str, voice: str, path: Path) -> Samples:
    """One line by flite, trimmed to its sound and at the speech level."""
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
    spoken, rate = soundfile.read(path, dtype="float32")
    loud = np.flatnonzero(np.abs(spoken) > 0.01 * np.abs(spoken).max())
    sound = soxr.resample(spoken[loud[0] : loud[-1] + 1], rate, RATE)
    return np.asarray(sound * (10 ** (SPEECH_RMS_DB / 20) / np.sqrt(np.mean(np.square(sound)))), np.float32)


def _film(sound: Path, video: Path) -> None:
    """A moving test picture, 640×360, 25 frames a second, about 1 Mbit/s."""
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y",
         "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-i", str(sound),
         "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "1M", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "192k",
         "-movflags", "+faststart", "-shortest", str(video)],
        check=True,
    )  # fmt: skip
