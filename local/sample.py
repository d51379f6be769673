"""Makes the sample video of the demonstration: two speakers in a shop over soft music, and exactly what they say."""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pysubs2
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 48_000
LANGUAGE = "en"
VOICES = {"Ana": "slt", "Ben": "rms"}
DIALOGUE = (
    ("Ana", "Good morning. Welcome to our new shop."),
    ("Ben", "Thank you. I want to buy a book for my sister."),
    ("Ana", "Is the book a present for her birthday?"),
    ("Ben", "Yes. She likes stories about the sea and the mountains."),
    ("Ana", "This book is new and very good. It costs ten euros."),
    ("Ben", "It is perfect. I will buy this book today."),
    ("Ana", "Do you want to drink a coffee with us?"),
    ("Ben", "Yes, of course. I have a lot of time this morning."),
)
LEAD_SECONDS, GAP_SECONDS, TAIL_SECONDS = 1.0, 0.7, 1.5
SPEECH_RMS_DB = -20.0
# Loud enough to be plainly heard and kept, soft enough that a recogniser still understands most words.
MUSIC_RMS_DB = -38.0
# Four chords of four seconds, as semitones above A2 (110 Hz).
CHORDS = ((0, 7, 12, 15), (-4, 8, 12, 15), (-9, 3, 10, 15), (-2, 5, 10, 14))
CHORD_SECONDS = 4.0

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Line:
    """What is said, by whom, from when to when (seconds)."""

    start: float
    end: float
    speaker: str
    text: str


@dataclass(frozen=True)
class Sample:
    """The files of a sample, and the truth about it."""

    video: Path
    subtitles: Path
    transcript: Path
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """All that is said, in one string."""
        return " ".join(line.text for line in self.lines)


def make(folder: Path, name: str = "sample", dialogue: Sequence[tuple[str, str]] = DIALOGUE) -> Sample:
    """Write `name`.mp4, .srt and .json into `folder`. Raises CalledProcessError when flite or ffmpeg fails."""
    folder.mkdir(parents=True, exist_ok=True)
    sample_paths = [folder / f"{name}.{ending}" for ending in ("mp4", "srt", "json")]
    with tempfile.TemporaryDirectory(prefix="onevoice-sample-") as scratch:
        speech, lines = _speech(dialogue, Path(scratch))
        sound = Path(scratch) / "sound.wav"
        soundfile.write(sound, speech[:, None] + _music(len(speech)), RATE, subtype="PCM_16")
        _film(sound, sample_paths[0])
    _write_subtitles(lines, sample_paths[1])
    document = {"language": LANGUAGE, "segments": [asdict(line) for line in lines]}
    sample_paths[2].write_text(json.dumps(document, indent=2), encoding="utf-8")
    return Sample(sample_paths[0], sample_paths[1], sample_paths[2], lines)


def _speech(dialogue: Sequence[tuple[str, str]], scratch: Path) -> tuple[Samples, tuple[Line, ...]]:
    """The mono speech track and its lines."""
    parts, lines, at = [_silence(LEAD_SECONDS)], [], LEAD_SECONDS
    for speaker, text in dialogue:
        said = _say(text, VOICES[speaker], scratch / "line.wav")
        end = at + len(said) / RATE
        lines.append(Line(round(at, 3), round(end, 3), speaker, text))
        parts += [said, _silence(GAP_SECONDS)]
        at = end + GAP_SECONDS
    return np.concatenate([*parts, _silence(TAIL_SECONDS)]), tuple(lines)


def _say(text: str, voice: str, path: Path) -> Samples:
    """One line by flite, trimmed to its sound and at the speech level."""
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)  # noqa: S607
    spoken, rate = soundfile.read(path, dtype="float32")
    loud = np.flatnonzero(np.abs(spoken) > 0.01 * np.abs(spoken).max())
    return _at_level(soxr.resample(spoken[loud[0] : loud[-1] + 1], rate, RATE), SPEECH_RMS_DB)


def _music(length: int) -> Samples:
    """A stereo pad of slow chords, `length` samples, the voices of each chord spread between left and right."""
    time = np.arange(length, dtype=np.float64) / RATE
    number = (time // CHORD_SECONDS).astype(int) % len(CHORDS)
    swell = np.sin(np.pi * (time % CHORD_SECONDS) / CHORD_SECONDS) ** 0.5
    pad = np.zeros((length, 2))
    for voice in range(len(CHORDS[0])):
        semitones = np.array([chord[voice] for chord in CHORDS])[number]
        phase = 2 * np.pi * np.cumsum(110.0 * 2 ** (semitones / 12)) / RATE
        tone = (np.sin(phase) + 0.3 * np.sin(2 * phase)) * swell
        right = (voice + 0.5) / len(CHORDS[0])
        pad += tone[:, None] * np.sqrt([1 - right, right])
    return _at_level(pad.astype(np.float32), MUSIC_RMS_DB)


def _at_level(samples: Samples, rms_db: float) -> Samples:
    rms = float(np.sqrt(np.mean(np.square(samples))))
    return np.asarray(samples * (10 ** (rms_db / 20) / rms), dtype=np.float32)


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def _film(sound: Path, video: Path) -> None:
    """Colour bars with the sound's waveform drawn over them, 640×360, 25 frames a second."""
    picture = (
        "[1:a]showwaves=size=640x120:mode=cline:rate=25:colors=white[wave];[0:v][wave]overlay=0:H-h:shortest=1[out]"
    )
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y",
         "-f", "lavfi", "-i", "smptehdbars=size=640x360:rate=25", "-i", str(sound),
         "-filter_complex", picture, "-map", "[out]", "-map", "1:a",
         "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "192k",
         "-movflags", "+faststart", "-shortest", str(video)],
        check=True,
    )  # fmt: skip


def _write_subtitles(lines: Sequence[Line], path: Path) -> None:
    subtitles = pysubs2.SSAFile()
    for line in lines:
        start, end = pysubs2.make_time(s=line.start), pysubs2.make_time(s=line.end)
        subtitles.append(pysubs2.SSAEvent(start=start, end=end, text=line.text))
    subtitles.save(str(path), format_="srt")


def main() -> None:
    """Make the sample in the folder that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m local.sample", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("out"))
    print(make(parser.parse_args().folder).video)


if __name__ == "__main__":
    main()
