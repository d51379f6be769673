"""OpenAI's transcription, in the wire format of its SDK's types."""

import base64
import math
import zlib
from itertools import groupby
from typing import Any

from flask import Flask, Response, jsonify, request

from tests.standins.hearing import RATE, Said, decoded, heard
from tests.standins.server import Server

LARGEST_FILE = 25 * 1024 * 1024
LONGEST_DIARISED = 1400
CHUNKED_FROM = 30  # seconds from which the diarising model demands a chunking strategy
PAUSE = 0.5


def mount(app: Flask, server: Server) -> None:
    """Add the route."""

    @app.post("/openai/v1/audio/transcriptions")
    def openai_transcriptions() -> Response | tuple[Response, int]:
        file = request.files["file"].read()
        if len(file) > LARGEST_FILE:
            return _refused("Maximum content size limit exceeded", 413)
        samples = decoded(file)
        seconds = len(samples) / RATE
        if seconds < 0.1:
            return _refused("Audio file is too short. Minimum audio length is 0.1 seconds.")
        said, language = ([], "english") if server.meets("empty_audio") else heard(samples)
        form = request.form
        if form["response_format"] == "diarized_json":
            return _diarised(said, seconds)
        if form["response_format"] == "verbose_json":
            return _verbose(said, language, seconds)
        usage = {"type": "tokens", "input_tokens": round(10 * seconds), "output_tokens": len(said), "total_tokens": 0}
        text = _text(said)
        return jsonify({"text": text, "languages": [{"code": "en"}] if text else [], "usage": usage})


def _verbose(said: list[Said], language: str, seconds: float) -> Response | tuple[Response, int]:
    if request.form["model"] != "whisper-1":
        return _refused(f"response_format 'verbose_json' is not compatible with model '{request.form['model']}'.")
    wanted = request.form.getlist("timestamp_granularities[]")
    document: dict[str, Any] = {"task": "transcribe", "language": language, "duration": seconds, "text": _text(said)}
    if "segment" in wanted:
        document["segments"] = [_segment(number, words) for number, words in enumerate(_runs(said))]
    if "word" in wanted:  # without punctuation, as Whisper's word times are
        document["words"] = [{"word": w.text.strip(".,!?"), "start": w.start, "end": w.end} for w in said]
    return jsonify({**document, "usage": {"type": "duration", "seconds": math.ceil(seconds)}})


def _diarised(said: list[Said], seconds: float) -> Response | tuple[Response, int]:
    form = request.form
    if form["model"] != "gpt-4o-transcribe-diarize" or "timestamp_granularities[]" in form:
        return _refused("This model does not support it.")
    if seconds > LONGEST_DIARISED or (seconds > CHUNKED_FROM and form.get("chunking_strategy") != "auto"):
        return _refused("Audio duration is longer than the model takes.")
    labels = _pointed_out()
    segments = []
    for number, words in enumerate(_runs(said)):
        label = labels.setdefault(words[0].speaker, chr(ord("A") + len(labels)))
        segments.append(
            {
                "type": "transcript.text.segment",
                "id": f"seg_{number}",
                "start": words[0].start,
                "end": words[-1].end,
                "text": _text(words),
                "speaker": label,
            }
        )
    usage = {"type": "tokens", "input_tokens": round(10 * seconds), "output_tokens": len(said), "total_tokens": 0}
    text = _text(said)
    return jsonify({"task": "transcribe", "duration": seconds, "text": text, "segments": segments, "usage": usage})


def _pointed_out() -> dict[str, str]:
    """The names of the speakers whom samples were sent of, by who speaks in each."""
    names, samples = (request.form.getlist(f"known_speaker_{kind}[]") for kind in ("names", "references"))
    voices = [decoded(base64.b64decode(sample.partition("base64,")[2])) for sample in samples]
    assert len(names) == len(voices) <= 4
    assert all(2.0 <= len(voice) / RATE <= 10.01 for voice in voices)
    said_by = [[word.speaker for word in heard(voice)[0]] for voice in voices]
    return {max(set(said), key=said.count): name for name, said in zip(names, said_by, strict=True) if said}


def _runs(said: list[Said]) -> list[list[Said]]:
    """The words in runs of one speaker without a pause, all as likely."""
    numbers, number = [], 0
    for before, word in zip([None, *said], said, strict=False):
        if before is not None and (
            (before.speaker, before.log_probability, before.no_speech)
            != (word.speaker, word.log_probability, word.no_speech)
            or word.start - before.end > PAUSE
        ):
            number += 1
        numbers.append(number)
    return [[word for _, word in run] for _, run in groupby(zip(numbers, said, strict=True), key=lambda each: each[0])]


def _segment(number: int, words: list[Said]) -> dict[str, Any]:
    text = f" {_text(words)}"
    encoded = text.encode()
    return {
        "id": number,
        "seek": 0,
        "start": words[0].start,
        "end": words[-1].end,
        "text": text,
        "tokens": [50364, 50414],
        "temperature": 0.0,
        "avg_logprob": words[0].log_probability,
        "compression_ratio": len(encoded) / len(zlib.compress(encoded)),
        "no_speech_prob": words[0].no_speech,
    }


def _text(said: list[Said]) -> str:
    return " ".join(word.text for word in said)


def _refused(message: str, status: int = 400) -> tuple[Response, int]:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_value"}
    return jsonify({"error": error}), status
