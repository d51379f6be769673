"""ElevenLabs' Scribe and its audio isolation, in the wire format of its SDK's types."""

import io
import math
import subprocess
from typing import Any

import imageio_ffmpeg
import langcodes
import numpy as np
import soundfile
from flask import Flask, Response, jsonify, request

from tests.standins.hearing import RATE, Said, decoded, heard
from tests.standins.server import Server
from worker.engines.protocols import Samples

SHORTEST_ISOLATED, LONGEST_ISOLATED = 4.6, 3600.0


def mount(app: Flask, server: Server) -> None:
    """Add the routes."""

    @app.post("/elevenlabs/v1/speech-to-text")
    def elevenlabs_speech_to_text() -> Response | tuple[Response, int]:
        form = request.form
        if not form["model_id"].startswith("scribe_"):
            return _refused("invalid_model_id", f"{form['model_id']} is not a speech to text model.")
        samples = decoded(request.files["file"].read())
        if len(samples) < RATE / 10:
            return _refused("audio_too_short", "The audio is too short.")
        said, language = ([], "english") if server.meets("empty_audio") else heard(samples)
        events = form.get("tag_audio_events", "true") == "true"
        return jsonify(
            {
                "language_code": langcodes.find(language).to_alpha3(),
                "language_probability": 0.98,
                "text": " ".join(word.text for word in said),
                "words": _words(said, diarised=form.get("diarize") == "true", events=events),
                "transcription_id": "t1",
                "audio_duration_secs": len(samples) / RATE,
            }
        )

    @app.post("/elevenlabs/v1/audio-isolation")
    def elevenlabs_audio_isolation() -> Response | tuple[Response, int]:
        samples, rate = soundfile.read(io.BytesIO(request.files["audio"].read()), dtype="float32", always_2d=True)
        if not SHORTEST_ISOLATED <= len(samples) / rate <= LONGEST_ISOLATED:
            return _refused("invalid_audio_duration", "The audio must be between 4.6 seconds and one hour long.")
        if server.meets("empty_audio"):
            return Response(b"", mimetype="audio/mpeg")
        return Response(mp3(isolated(samples.mean(axis=1), rate), rate), mimetype="audio/mpeg")


def isolated(samples: Samples, rate: int) -> Samples:
    """The voice alone: tests' voices lie above 1 kHz and their backgrounds below. Not to the sample, as with the real
    one: its phases are turned a little."""
    spectrum = np.fft.rfft(samples)
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    spectrum[frequencies < 1000.0] = 0
    voice: Samples = np.fft.irfft(spectrum * np.exp(0.2j), len(samples)).astype(np.float32)
    return voice


def mp3(samples: Samples, rate: int) -> bytes:
    """As an mp3, encoder delay and all."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", "-"]
    command += ["-ar", "44100", "-b:a", "128k", "-f", "mp3", "-"]
    done = subprocess.run(command, input=samples.astype("<f4").tobytes(), capture_output=True, check=True)
    return done.stdout


def _words(said: list[Said], *, diarised: bool, events: bool) -> list[dict[str, Any]]:
    """Words with spaces between them, and laughter at the end if it is wanted."""
    speakers = {speaker: f"speaker_{n}" for n, speaker in enumerate(dict.fromkeys(word.speaker for word in said))}
    items: list[dict[str, Any]] = []
    for word in said:
        if items:
            items.append(_item(" ", items[-1]["end"], word.start, "spacing", items[-1]["speaker_id"], 0.0))
        speaker = speakers[word.speaker] if diarised else None
        items.append(_item(word.text, word.start, word.end, "word", speaker, word.log_probability))
    if events and said:
        items.append(_item("(laughter)", said[-1].end, said[-1].end + 1, "audio_event", None, -0.5))
    return items


def _item(text: str, start: float, end: float, kind: str, speaker: str | None, logprob: float) -> dict[str, Any]:
    return {
        "text": text,
        "start": math.floor(start * 1000) / 1000,
        "end": math.floor(end * 1000) / 1000,
        "type": kind,
        "speaker_id": speaker,
        "logprob": logprob,
    }


def _refused(status: str, message: str) -> tuple[Response, int]:
    return jsonify({"detail": {"status": status, "message": message}}), 400
