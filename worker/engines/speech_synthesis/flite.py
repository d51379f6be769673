"""Flite: clear English voices from a system package (`apt-get install flite`)."""

import shutil
import subprocess
import tempfile
import unicodedata
from pathlib import Path

import numpy as np
import soundfile

from shared.config import Settings
from shared.errors import PermanentError, TransientError
from shared.limited import Limits, command
from worker.engines.protocols import NO_SPEECH_CONTEXT, Sound, SpeechContext, Voice
from worker.threads import cores

LIMITS = Limits(cpu_seconds=60, memory_bytes=1024**3, file_bytes=256 * 1024**2)
TIMEOUT = 120.0
VOICES = (
    Voice("flite:slt", "English, SLT", ("en", "en-US"), "female", pitch=164.0),
    Voice("flite:rms", "English, RMS", ("en", "en-US"), "male", pitch=99.0),
    Voice("flite:awb", "English (Scotland), AWB", ("en", "en-GB"), "male", pitch=121.0),
    Voice("flite:kal16", "English, KAL", ("en", "en-US"), "male", pitch=89.5),
)
_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": ", ", "…": "..."})


class FliteSynthesiser:
    """A SpeechSynthesiser for English."""

    name = "flite"
    model = "2.2"
    parallel_lines = cores()
    rates = (1.0, 1.0)

    def __init__(self, settings: Settings) -> None:
        del settings

    def voices(self) -> tuple[Voice, ...]:
        """The four voices; none when flite is not installed."""
        return VOICES if shutil.which("flite") else ()

    def synthesise(
        self,
        text: str,
        voice_id: str,
        language: str,
        *,
        rate: float = 1.0,
        context: SpeechContext = NO_SPEECH_CONTEXT,
    ) -> Sound:
        """`text` at 16 kHz. Raises PermanentError `voice_not_found`, `empty_speech`, `engine_not_installed`."""
        del language, rate, context
        if voice_id not in {voice.voice_id for voice in VOICES}:
            raise PermanentError("voice_not_found", f"Flite has no voice {voice_id!r}.")
        if shutil.which("flite") is None:
            raise PermanentError("engine_not_installed", "Flite is not installed: sudo apt-get install flite")
        plain = _ascii(text)
        sound = _speak(plain, voice_id.removeprefix("flite:")) if any(map(str.isalnum, plain)) else None
        if sound is None or not np.any(sound.samples):
            raise PermanentError("empty_speech", "There is nothing to say in this line for an English voice.")
        return sound


def _speak(plain: str, voice: str) -> Sound:
    with tempfile.TemporaryDirectory() as directory:
        text, out = Path(directory, "line.txt"), Path(directory, "line.wav")
        text.write_text(plain, "ascii")
        try:
            run = subprocess.run(
                command(["flite", "-voice", voice, "-f", str(text), "-o", str(out)], LIMITS),
                stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise TransientError("synthesis_timed_out", "Flite took too long over a line.") from error
        if run.returncode or not out.exists():
            raise TransientError("synthesis_crashed", f"Flite ended with {run.returncode}.")
        samples, rate = soundfile.read(out, dtype="float32")
    return Sound(samples, rate)


def _ascii(text: str) -> str:
    """Flite reads bytes: letters lose their accents, what has no ASCII form is left out, control characters go."""
    plain = unicodedata.normalize("NFKD", text.translate(_PLAIN)).encode("ascii", "ignore").decode()
    return "".join(letter if letter.isprintable() else " " for letter in plain)
