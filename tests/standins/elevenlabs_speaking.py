"""ElevenLabs' speech, voices and clones: `/v1/text-to-speech/…/stream`, `/v2/voices`, `/v1/voices/…`.

`server.elevenlabs_voices` are the account's voices by id; a test may take one away. A voice made from samples under the
name `…protected…` wants verification.
"""

import zlib
from typing import Any

from flask import Flask, Response, jsonify, request

from tests.standins.speech import spoken


def _voice(voice_id: str, name: str, gender: str, category: str = "premade") -> dict[str, Any]:
    return {
        "voice_id": voice_id,
        "name": name,
        "category": category,
        "labels": {"gender": gender, "language": "en", "accent": "american"},
        "preview_url": f"https://storage.example/{voice_id}.mp3",
    }


def mount(app: Flask, server: Any) -> None:
    """Add the routes."""
    voices = server.elevenlabs_voices = {
        voice["voice_id"]: voice
        for voice in (
            _voice("21m00Tcm4TlvDq8ikWAM", "Rachel", "female"),
            _voice("pNInz6obpgDQGcFmaJgB", "Adam", "male"),
            _voice("EXAVITQu4vr4xnSDxMaL", "Sarah", "female"),
            _voice("SAz9YHcvj6GT2YYXdXww", "River", "neutral"),
        )
    }

    @app.post("/elevenlabs/v1/text-to-speech/<voice_id>/stream")
    def elevenlabs_speech(voice_id: str) -> Response:
        asked = request.get_json()
        if voice_id not in voices:
            return _problem(404, "voice_not_found", f"A voice with the voice_id {voice_id} was not found.")
        if asked["model_id"] == "eleven_v3" and ("previous_text" in asked or "next_text" in asked):
            return _problem(400, "unsupported_model", "Providing previous_text or next_text is not yet supported.")
        if "FORBIDDEN" in asked["text"]:
            return _problem(400, "content_against_policy", "The text is against the policy.")
        assert request.args["output_format"] == "pcm_24000"
        speed = (asked.get("voice_settings") or {}).get("speed") or 1.0
        pcm = b"" if server.meets("empty_audio") else spoken(asked["text"], voice_id, 24_000, speed)
        return Response(pcm, mimetype="audio/pcm")

    @app.get("/elevenlabs/v2/voices")
    def elevenlabs_voices() -> Response:
        """Two a page, whatever is asked for: so pages are turned."""
        found = [
            voice
            for voice in voices.values()
            if request.args.get("search", "").casefold() in voice["name"].casefold()
            and request.args.get("category", voice["category"]) == voice["category"]
        ]
        start = int(request.args.get("next_page_token") or 0)
        more = start + 2 < len(found)
        return jsonify(
            voices=found[start : start + 2],
            has_more=more,
            total_count=len(found),
            next_page_token=str(start + 2) if more else None,
        )

    @app.post("/elevenlabs/v1/voices/add")
    def elevenlabs_clone() -> Response:
        samples = [file.read() for file in request.files.getlist("files")]
        assert all(sample.startswith(b"fLaC") for sample in samples)
        if not samples:
            return _problem(400, "invalid_request", "At least one sample is needed.")
        name = request.form["name"]
        voice_id = f"clone{zlib.crc32(b''.join(samples)):08x}{len(voices)}"
        voices[voice_id] = _voice(voice_id, name, "neutral", "cloned")
        return jsonify(voice_id=voice_id, requires_verification="protected" in name)

    @app.delete("/elevenlabs/v1/voices/<voice_id>")
    def elevenlabs_delete_voice(voice_id: str) -> Response:
        if voices.pop(voice_id, None) is None:
            return _problem(400, "voice_does_not_exist", f"A voice with ID {voice_id} does not exist.")
        return jsonify(status="ok")


def _problem(status: int, code: str, message: str) -> Response:
    answer = jsonify(detail={"status": code, "message": message})
    answer.status_code = status
    return answer
