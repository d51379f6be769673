"""Samples as files for a provider."""

import io

import soundfile

from worker.engines.protocols import Sound


def flac(sound: Sound) -> bytes:
    """The sound as a 16-bit FLAC file."""
    file = io.BytesIO()
    soundfile.write(file, sound.samples, sound.rate, subtype="PCM_16", format="FLAC")
    return file.getvalue()


def wav(sound: Sound) -> bytes:
    """The sound as a 16-bit WAV file."""
    file = io.BytesIO()
    soundfile.write(file, sound.samples, sound.rate, subtype="PCM_16", format="WAV")
    return file.getvalue()
