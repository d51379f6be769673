"""eSpeak NG, from a PyPI wheel: over a hundred languages, offline, far faster than speech."""

import threading
import unicodedata
from functools import cache

import espeakng_loader
import langcodes
import numpy as np

from shared.config import Settings
from shared.errors import PermanentError
from worker.engines.protocols import NO_SPEECH_CONTEXT, Sound, SpeechContext, Voice
from worker.engines.speech_synthesis.espeak_library import EspeakVoice, Library
from worker.engines.speech_synthesis.espeak_speaker import Speaker
from worker.threads import cores

TIMEOUT = 120.0  # seconds for a line
# Variants that are clearly other people: suffix, gender, what the voice's name adds, and the median pitch measured of
# it (Hz, American English; other languages are within a tenth of it).
VARIANTS = (
    ("", "male", "", 101.0),
    ("+f2", "female", ", female 1", 192.0),
    ("+f3", "female", ", female 2", 207.0),
    ("+m3", "male", ", male 2", 104.0),
    ("+m7", "male", ", male 3", 106.0),
)
# Constructed, test and misnamed entries of eSpeak's own list.
_NOT_OFFERED = frozenset({"piqd", "py", "xex", "qdb", "qya", "sjn", "ca-ba", "ca-nw", "ru-cl", "cmn-latn-pinyin"})
_ALSO_KNOWN = {"ca-va": "ca-ES-valencia"}
_listing = threading.Lock()  # the library is one a process, and not made for threads


class _Own(threading.local):
    """Each thread's speaker."""

    def __init__(self) -> None:
        self.speaker = Speaker()


class EspeakSynthesiser:
    """A SpeechSynthesiser for every language that eSpeak NG has."""

    name = "espeak"
    model = "ng-0.2.4"  # the version of espeakng-loader, which carries the library
    parallel_lines = cores()
    rates = (0.6, 2.0)  # eSpeak's slowest is 80 words a minute of 175

    def __init__(self, settings: Settings) -> None:
        del settings
        self._own = _Own()

    def voices(self) -> tuple[Voice, ...]:
        """For each language a neutral voice and four that sound like other speakers, its own accent first."""
        return tuple(voice for voice, _ in _offered().values())

    def synthesise(
        self,
        text: str,
        voice_id: str,
        language: str,
        *,
        rate: float = 1.0,
        context: SpeechContext = NO_SPEECH_CONTEXT,
    ) -> Sound:
        """`text` at 22,050 Hz. Raises PermanentError `voice_not_found`, `empty_speech`, TransientError."""
        del language, context
        if voice_id not in _offered():
            raise PermanentError("voice_not_found", f"eSpeak has no voice {voice_id!r}.")
        _, name = _offered()[voice_id]
        spoken, samples_a_second = self._own.speaker.speak(_plain(text).encode(), name, TIMEOUT, rate)
        samples = np.frombuffer(spoken, "<i2")
        if not np.any(samples):
            raise PermanentError("empty_speech", "There is nothing to say in this line for this voice.")
        return Sound(samples.astype(np.float32) / np.float32(32768), samples_a_second)


def _offered() -> dict[str, tuple[Voice, str]]:
    """By voice id, each voice and its name within the library."""
    with _listing:
        return _read()


@cache
def _read() -> dict[str, tuple[Voice, str]]:
    listed = Library(espeakng_loader.get_library_path(), espeakng_loader.get_data_path()).voices()
    by_fitness = sorted(listed, key=lambda own: (own.priority, own.tags[0]))
    offered: dict[str, tuple[Voice, str]] = {}
    for voice, name in (variant for own in by_fitness for variant in _variants(own)):
        offered.setdefault(voice.voice_id, (voice, name))
    return offered


def _variants(own: EspeakVoice) -> list[tuple[Voice, str]]:
    if own.tags[0] in _NOT_OFFERED:
        return []
    names = (_ALSO_KNOWN.get(tag, tag) for tag in own.tags)
    tags = tuple(dict.fromkeys(langcodes.standardize_tag(name) for name in names if langcodes.tag_is_valid(name)))
    offered = VARIANTS if tags else ()
    return [
        (Voice(f"espeak:{own.tags[0]}{suffix}", own.name + more, tags, gender, pitch=pitch), own.identifier + suffix)
        for suffix, gender, more, pitch in offered
    ]


def _plain(text: str) -> str:
    """`text` without control characters and lone surrogates, which end or break the library's reading."""
    visible = (" " if unicodedata.category(letter) in {"Cc", "Cs", "Cn", "Co"} else letter for letter in text)
    return " ".join("".join(visible).split())
