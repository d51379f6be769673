"""eSpeak NG, from a PyPI wheel: over a hundred languages, offline, far faster than speech."""

import subprocess
import sys
import unicodedata
from functools import cached_property

import espeakng_loader
import langcodes
import numpy as np

from shared.config import Settings
from shared.errors import PermanentError, TransientError
from shared.limited import Limits, command
from worker.engines.protocols import Sound, Voice
from worker.engines.speech_synthesis import espeak_library
from worker.engines.speech_synthesis.espeak_library import VOICE_NOT_FOUND, EspeakVoice, Library

LIMITS = Limits(cpu_seconds=60, memory_bytes=1024**3)
TIMEOUT = 120.0
# Variants that are clearly other people: suffix, gender, what the voice's name adds.
VARIANTS = (
    ("", "male", ""),
    ("+f2", "female", ", female 1"),
    ("+f3", "female", ", female 2"),
    ("+m3", "male", ", male 2"),
    ("+m7", "male", ", male 3"),
)
# Constructed, test and misnamed entries of eSpeak's own list.
_NOT_OFFERED = frozenset({"piqd", "py", "xex", "qdb", "qya", "sjn", "ca-ba", "ca-nw", "ru-cl", "cmn-latn-pinyin"})
_ALSO_KNOWN = {"ca-va": "ca-ES-valencia"}


class EspeakSynthesiser:
    """A SpeechSynthesiser for every language that eSpeak NG has."""

    name = "espeak"
    model = "ng-0.2.4"  # the version of espeakng-loader, which carries the library

    def __init__(self, settings: Settings) -> None:
        del settings

    def voices(self) -> tuple[Voice, ...]:
        """For each language a neutral voice and four that sound like other speakers, its own accent first."""
        return tuple(voice for voice, _ in self._voices.values())

    @cached_property
    def _voices(self) -> dict[str, tuple[Voice, str]]:
        """By voice id, each voice and its name within the library."""
        listed = Library(espeakng_loader.get_library_path(), espeakng_loader.get_data_path()).voices()
        by_fitness = sorted(listed, key=lambda own: (own.priority, own.tags[0]))
        offered: dict[str, tuple[Voice, str]] = {}
        for voice, name in (variant for own in by_fitness for variant in _variants(own)):
            offered.setdefault(voice.voice_id, (voice, name))
        return offered

    def synthesise(self, text: str, voice_id: str, language: str) -> Sound:
        """`text` at 22,050 Hz. Raises PermanentError `voice_not_found`, `empty_speech`, TransientError."""
        del language
        if voice_id not in self._voices:
            raise PermanentError("voice_not_found", f"eSpeak has no voice {voice_id!r}.")
        _, name = self._voices[voice_id]
        answer = _speak(_plain(text), name)
        rate, samples = int(np.frombuffer(answer, "<i4", 1)[0]), np.frombuffer(answer, "<i2", offset=4)
        if not np.any(samples):
            raise PermanentError("empty_speech", "There is nothing to say in this line for this voice.")
        return Sound(samples.astype(np.float32) / np.float32(32768), rate)


def _speak(plain: str, name: str) -> bytes:
    paths = (espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
    script = [sys.executable, "-I", "-S", espeak_library.__file__, *paths, name]
    try:
        run = subprocess.run(
            command(script, LIMITS), input=plain.encode(), capture_output=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TransientError("synthesis_timed_out", "eSpeak took too long over a line.") from error
    if run.returncode == VOICE_NOT_FOUND:
        raise PermanentError("voice_not_found", f"eSpeak cannot load its voice {name!r}.")
    if run.returncode:
        raise TransientError("synthesis_crashed", f"eSpeak ended with {run.returncode} over a line.")
    return run.stdout


def _variants(own: EspeakVoice) -> list[tuple[Voice, str]]:
    if own.tags[0] in _NOT_OFFERED:
        return []
    names = (_ALSO_KNOWN.get(tag, tag) for tag in own.tags)
    tags = tuple(dict.fromkeys(langcodes.standardize_tag(name) for name in names if langcodes.tag_is_valid(name)))
    offered = VARIANTS if tags else ()
    return [
        (Voice(f"espeak:{own.tags[0]}{suffix}", own.name + more, tags, gender), own.identifier + suffix)
        for suffix, gender, more in offered
    ]


def _plain(text: str) -> str:
    """`text` without control characters and lone surrogates, which end or break the library's reading."""
    visible = (" " if unicodedata.category(letter) in {"Cc", "Cs", "Cn", "Co"} else letter for letter in text)
    return " ".join("".join(visible).split())
