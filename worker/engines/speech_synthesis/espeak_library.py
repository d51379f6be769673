"""The C library of eSpeak NG through ctypes (its API is described in `espeak-ng/speak_lib.h`).

Run as a script (`espeak_library.py <library> <data>`) it speaks line after line: on standard input REQUEST, the voice's
name, the text as UTF-8; on standard output ANSWER and 16-bit mono samples. The library keeps state that no call resets,
so only a fresh process says a line the same way every time: each line is spoken by a fork of the process that loaded
the library. The script runs isolated and imports only the standard library.
"""

import ctypes
import os
import signal
import struct
import sys
from dataclasses import dataclass
from typing import Any

REQUEST = struct.Struct("<III")  # words a minute, bytes of the voice's name, bytes of the text
ANSWER = struct.Struct("<IIQ")  # 0 or VOICE_NOT_FOUND, sample rate in Hz, bytes of samples
VOICE_NOT_FOUND = 3
_PR_SET_PDEATHSIG = 1
_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples come through the callback, before the call returns
_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1  # neither SSML (0x10) nor phoneme input (0x100): all text is only text
_POSITION_CHARACTER = 1
_RATE = 1  # espeakRATE, in words a minute
USUAL_RATE = 175  # espeakRATE_NORMAL


@dataclass(frozen=True)
class EspeakVoice:
    """A language of the library: where it is, its English name, its tags in eSpeak's spelling, its fitness (low)."""

    identifier: str
    name: str
    tags: tuple[str, ...]
    priority: int


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p), ("languages", ctypes.c_void_p), ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte), ("age", ctypes.c_ubyte), ("variant", ctypes.c_ubyte), ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int), ("spare", ctypes.c_void_p),
    )  # fmt: skip


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Library:
    """The library, loaded and started. Raises OSError when it is not there or finds no data."""

    def __init__(self, path: str, data: str) -> None:
        self._library = ctypes.CDLL(path)
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self.rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _DONT_EXIT)
        if self.rate <= 0:
            raise OSError(f"eSpeak NG finds no data at {data}")

    def voices(self) -> list[EspeakVoice]:
        """Every language the library has, in its own order."""
        listed = self._library.espeak_ListVoices(None)
        voices: list[EspeakVoice] = []
        while listed[len(voices)]:
            voices.append(_read(listed[len(voices)].contents))
        return voices

    def speak(self, text: bytes, voice: str, words_a_minute: int = USUAL_RATE) -> bytes:
        """UTF-8 `text` spoken by `voice` (`roa/es+f3`): 16-bit mono samples. Raises LookupError, OSError."""
        parts: list[bytes] = []

        def collect(samples: Any, count: int, _events: Any) -> int:
            parts.append(ctypes.string_at(samples, count * 2) if count > 0 else b"")
            return 0

        callback = _Callback(collect)  # has to live as long as the library may call it
        self._library.espeak_SetSynthCallback(callback)
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # else the time: the breath of some voices is random
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise LookupError(voice)
        if words_a_minute != USUAL_RATE:
            self._library.espeak_SetParameter(_RATE, words_a_minute, 0)
        size = ctypes.c_size_t(len(text) + 1)
        status = self._library.espeak_Synth(text, size, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
        if status != 0:
            raise OSError(f"eSpeak NG could not speak (status {status})")
        return b"".join(parts)


def _read(voice: _Voice) -> EspeakVoice:
    """`languages` is a list of (priority byte, tag, NUL), ended by a zero byte."""
    tags, priorities, address = [], [], voice.languages
    while priority := ctypes.string_at(address, 1)[0]:
        tag = ctypes.string_at(address + 1)
        tags.append(tag.decode())
        priorities.append(priority)
        address += len(tag) + 2
    return EspeakVoice(voice.identifier.decode(), voice.name.decode().strip(), tuple(tags), priorities[-1])


def _main(path: str, data: str) -> None:
    """Speak each line of standard input in a fork of its own, until that ends."""
    library = Library(path, data)
    while len(header := sys.stdin.buffer.read(REQUEST.size)) == REQUEST.size:
        words_a_minute, *sizes = REQUEST.unpack(header)
        voice, text = (sys.stdin.buffer.read(size) for size in sizes)
        parent = os.getpid()
        if os.fork() == 0:
            _die_with(parent)
            _answer(library, voice.decode(), text, words_a_minute)
            os._exit(0)
        _, status = os.wait()
        if status:
            sys.exit(1)  # the line's answer is missing or cut short: only a fresh pipe can be trusted


def _answer(library: Library, voice: str, text: bytes, words_a_minute: int) -> None:
    try:
        status, samples = 0, library.speak(text, voice, words_a_minute)
    except LookupError:
        status, samples = VOICE_NOT_FOUND, b""
    sys.stdout.buffer.write(ANSWER.pack(status, library.rate, len(samples)) + samples)
    sys.stdout.buffer.flush()


def _die_with(parent: int) -> None:
    """SIGKILL when the process that forked this one ends, however it does."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    _main(*sys.argv[1:])
