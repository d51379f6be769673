"""Short scenes with known truth: one to three speakers, beds, paces, pauses, cross-talk, and awkward files. Seeded."""

import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from bench.material.dialogue import FLITE, say
from bench.material.talk import music, sentences
from worker.media.stretch import stretch

RATE = 48_000
SPANISH = ("es+f2", "es", "es+m7")
WHO = ("Mi hermana", "El profesor", "Nuestro vecino", "La doctora", "Mi hermano", "El hombre viejo", "Tu amigo")
DOES = ("quiere", "vende", "conoce", "necesita", "compra", "encuentra", "abre", "recuerda", "trae")
WHAT = ("un libro nuevo", "la casa blanca", "una buena escuela", "el jardín pequeño", "un coche rojo", "la carta larga")
WHEN = ("cada mañana", "en la ciudad", "con los niños", "cerca del río", "por la noche", "este año")
BEDS = ("none", "music", "noise")
PACES = {"slow": 0.85, "plain": 1.0, "fast": 1.25}
PAUSES = {"even": (0.35, 0.9), "long": (0.8, 4.5), "cross-talk": (-0.4, 0.8)}
FILES = ("25 fps", "29.97 fps", "5.1", "mono", "variable rate", "late sound")
LEAD, TAIL = 3.0, 3.0  # seconds without speech, where the bed can be judged
LATE = 1.5  # seconds that the sound of "late sound" starts after the picture
SPEECH_DB, MUSIC_DB, NOISE_DB = -20.0, -38.0, -52.0  # RMS
PICTURE = "size=320x180:rate={rate}"

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Line:
    """What is said, by whom, from when to when (seconds)."""

    start: float
    end: float
    speaker: str
    text: str


@dataclass(frozen=True)
class Staged:
    """The video, and the truth about it: `voice` (n,) is the speech alone at 48 kHz."""

    video: Path
    source: str
    target: str
    lines: tuple[Line, ...]
    voice: Samples
    traits: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.voice) / RATE

    @property
    def transcript(self) -> str:
        """The lines with their times and without their speakers, as a job takes them."""
        rows = [{name: value for name, value in asdict(line).items() if name != "speaker"} for line in self.lines]
        return json.dumps({"segments": rows})


def stage(folder: Path, seed: int) -> Staged:
    """Make the scene of that seed: odd ones are English (flite), even ones Spanish (eSpeak)."""
    rng = np.random.default_rng([seed, 21])
    english = bool(seed % 2)
    bed, kind = BEDS[seed % 3], FILES[seed % len(FILES)]
    pace, pauses = str(rng.choice(list(PACES))), str(rng.choice(list(PAUSES)))
    speakers = 1 + int(rng.integers(3))
    pool = FLITE if english else tuple(f"espeak:{name}" for name in SPANISH)
    voices = [str(voice) for voice in rng.choice(pool, speakers, replace=False)]
    lines, voice = _spoken(seed, voices, PACES[pace], PAUSES[pauses], english, rng)
    sound = voice[:, None] + _bed(bed, len(voice), rng)
    video = folder / f"scene-{seed}.mp4"
    _film(sound, kind, folder, video)
    languages = ("en", "es") if english else ("es", "en")
    return Staged(video, *languages, lines, voice, (f"{speakers} speakers", bed, pace, pauses, kind))


def _spoken(
    seed: int, voices: list[str], pace: float, pauses: tuple[float, float], english: bool, rng: np.random.Generator
) -> tuple[tuple[Line, ...], Samples]:
    texts = [text for _, text in sentences(7, seed)] if english else _spanish(7, rng)
    track, lines, at = np.zeros(0, np.float32), [], LEAD
    speaker = 0
    for number, text in enumerate(texts):
        before, speaker = speaker, number if number < len(voices) else int(rng.integers(len(voices)))
        gap = rng.uniform(*pauses) if number else 0.0
        at += gap if speaker != before else max(gap, 0.3)  # nobody talks across themselves
        said = soxr.resample(stretch(say(voices[speaker], text), 16_000, pace), 16_000, RATE)
        said = said * np.float32(10 ** (SPEECH_DB / 20) / np.sqrt(np.mean(np.square(said))))
        first = round(at * RATE)
        track = np.pad(track, (0, max(0, first + len(said) - len(track))))
        track[first : first + len(said)] += said
        lines.append(Line(round(at, 3), round(at + len(said) / RATE, 3), f"V{speaker + 1}", text))
        at += len(said) / RATE
    whole = -(-(len(track) + round(TAIL * RATE)) // RATE) * RATE
    return tuple(lines), np.pad(track, (0, whole - len(track)))


def _spanish(count: int, rng: np.random.Generator) -> list[str]:
    return [" ".join(str(rng.choice(part)) for part in (WHO, DOES, WHAT, WHEN)) + "." for _ in range(count)]


def _bed(bed: str, length: int, rng: np.random.Generator) -> Samples:
    if bed == "music":
        return np.concatenate([music(first, min(RATE, length - first)) for first in range(0, length, RATE)])
    noise = rng.standard_normal((length, 2)) * 10 ** ((NOISE_DB if bed == "noise" else -90.0) / 20)
    return noise.astype(np.float32)


def _film(sound: Samples, kind: str, folder: Path, video: Path) -> None:
    """The scene's file: a moving test picture, H.264 and AAC."""
    skipped = round(LATE * RATE) if kind == "late sound" else 0
    wav = folder / "scene.wav"
    soundfile.write(wav, sound[skipped:], RATE)
    rate = "30000/1001" if kind == "29.97 fps" else "25"
    seconds = len(sound) / RATE
    layout = {
        "mono": ["-ac", "1"],
        "5.1": ["-af", "pan=5.1|FL=0.3*c0|FR=0.3*c1|FC=0.5*c0+0.5*c1|LFE=0*c0|BL=0.2*c0|BR=0.2*c1"],
    }.get(kind, [])
    uneven = ["-vf", r"select=not(eq(mod(n\,7)\,3)+eq(mod(n\,11)\,5))", "-fps_mode", "vfr"]
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y",
         "-f", "lavfi", "-t", f"{seconds}", "-i", f"testsrc2={PICTURE.format(rate=rate)}",
         *(["-itsoffset", f"{LATE}"] if skipped else []), "-i", str(wav), "-map", "0:v", "-map", "1:a",
         *(uneven if kind == "variable rate" else []), *layout,
         "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "256k",
         "-movflags", "+faststart", str(video)],
        check=True,
    )  # fmt: skip
    wav.unlink()
