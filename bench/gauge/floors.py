"""What the pipeline can't do without, each by itself: ffmpeg as a program, the engines without the pipeline."""

import json
import shutil
import subprocess
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import soxr

from worker.engines.protocols import Piece, Sound, SourceLine
from worker.engines.speech_recognition.pocketsphinx import PocketSphinxRecogniser
from worker.engines.speech_synthesis.espeak import EspeakSynthesiser
from worker.engines.translation.apertium import ApertiumTranslator
from worker.media.audio import read_span, resampled_mono
from worker.media.voice_activity import RATE, pieces, voiced_spans

# None of the engines reads any settings.
NO_SETTINGS: object = None


def copy(source: Path, target: Path) -> None:
    """`cp`."""
    shutil.copyfile(source, target)


def decode(video: Path, wav: Path) -> None:
    """The sound as PCM."""
    _ffmpeg("-i", str(video), "-vn", "-ar", "48000", str(wav))


def encode(wav: Path, m4a: Path) -> None:
    """PCM as AAC, at the pipeline's bit rate."""
    _ffmpeg("-i", str(wav), "-c:a", "aac", "-b:a", "192k", str(m4a))


def join(video: Path, m4a: Path, out: Path) -> None:
    """The picture and two sounds, copied, in the order that players want."""
    _ffmpeg("-i", str(video), "-i", str(m4a), "-map", "0:v", "-map", "1:a", "-map", "0:a", "-c", "copy",
            "-movflags", "+faststart", str(out))  # fmt: skip


def find_voices(wav: Path) -> None:
    """Voice activity."""
    voiced_spans(resampled_mono(wav, RATE))


def cut(wav: Path, out: Path) -> None:
    """Not a floor, but what recognition is fed from: the voiced pieces, as the pipeline cuts them."""

    def read(start: float, end: float) -> Sound:
        return Sound(soxr.resample(read_span(wav, start, end).mean(axis=1, dtype=np.float32), 48_000, RATE), RATE)

    cut_out = pieces(voiced_spans(resampled_mono(wav, RATE)), read, PocketSphinxRecogniser.longest_piece)
    np.savez(out, *(piece.sound.samples for piece in cut_out))


def recognise(cut_out: Path) -> None:
    """PocketSphinx over the pieces in `cut_out`, on all cores."""
    with np.load(cut_out) as sounds:
        made = (Piece(i, 0.0, Sound(sounds[name], RATE)) for i, name in enumerate(sounds.files))
        deque(PocketSphinxRecogniser(NO_SETTINGS).recognise(made, "en"), maxlen=0)  # type: ignore[arg-type]


def translate(report: Path, source: str, target: str) -> None:
    """Apertium over the report's lines, one process for all."""
    lines = [SourceLine(line["id"], line["source_text"], "", 0.0) for line in _lines(report)]
    ApertiumTranslator(NO_SETTINGS).translate(lines, source, target)  # type: ignore[arg-type]


def speak(report: Path, language: str) -> None:
    """eSpeak NG over the report's lines."""
    synthesiser = EspeakSynthesiser(NO_SETTINGS)  # type: ignore[arg-type]
    for line in _lines(report):
        synthesiser.synthesise(line["text"], line["voice"], language)


# For each stage: what its floor is called, and what is run.
Floors = dict[str, tuple[str, Callable[..., None], tuple[object, ...]]]


def floors(folder: Path, video: Path, report: Path, languages: tuple[str, str], *, recognised: bool) -> Floors:
    """The floor of each stage that has one, for `video` and a dub of it that `report` reports, in order."""
    wav, m4a, out, cut_out = (folder / name for name in ("floor.wav", "floor.m4a", "floor.mp4", "pieces.npz"))
    heard: Floors = {
        "transcribe": ("PocketSphinx alone, same pieces", recognise, (cut_out,))
        if recognised
        else ("voice activity alone", find_voices, (wav,))
    }
    if recognised:
        decode(video, wav)
        cut(wav, cut_out)
    return {
        "fetch": ("cp of the file", copy, (video, folder / "copy.mp4")),
        "extract": ("ffmpeg decodes", decode, (video, wav)),
        **heard,
        "translate": ("Apertium alone", translate, (report, *languages)),
        "synthesize": ("eSpeak NG alone", speak, (report, languages[1])),
        "mix": ("ffmpeg encodes AAC", encode, (wav, m4a)),
        "mux": ("ffmpeg copies streams", join, (video, m4a, out)),
        "publish": ("cp of the file", copy, (video, folder / "copy.mp4")),
    }


def _lines(report: Path) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["lines"]
    return lines


def _ffmpeg(*arguments: str) -> None:
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y"]
    subprocess.run([*program, *arguments], check=True)
