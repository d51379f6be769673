"""Fish Audio's speech and voice models: `/v1/tts` (MessagePack), `/model`.

`server.fish_voices` are all models by id; a test may take one away. Those of the account come with `self=true`.
"""

import zlib
from typing import Any

import ormsgpack
from flask import Flask, Response, jsonify, request

from tests.standins.speech import spoken

TIME = "2026-11-01T00:00:00Z"


def _model(model_id: str, title: str, *tags: str, own: bool = True, language: str = "en") -> dict[str, Any]:
    return {
        "_id": model_id, "type": "tts", "title": title, "description": "", "cover_image": "", "train_mode": "fast",
        "state": "trained", "tags": list(tags), "created_at": TIME, "updated_at": TIME, "languages": [language],
        "samples": [{"title": "", "text": "", "task_id": "1", "audio": f"https://storage.example/{model_id}.mp3"}],
        "visibility": "private" if own else "public", "lock_visibility": False, "like_count": 0, "mark_count": 0,
        "shared_count": 0, "task_count": 0, "author": {"_id": "1", "nickname": "One", "avatar": ""}, "own": own,
    }  # fmt: skip


def mount(app: Flask, server: Any) -> None:
    """Add the routes."""
    models = server.fish_voices = {
        model["_id"]: model
        for model in (
            _model("802e3bc2b27e49c2995d23ef70e6ac89", "Mina", "female", "young"),
            _model("bf322df2096a46f18c579d0baa36f41d", "Jun", "male"),
            _model("5161d41404314212af1254556477c17d", "Public", "female", own=False, language="ja"),
        )
    }

    @app.post("/fish/v1/tts")
    def fish_speech() -> Response:
        asked = ormsgpack.unpackb(request.get_data())
        assert request.headers["model"]
        assert (asked["format"], asked["sample_rate"]) == ("pcm", 44_100)
        if asked.get("reference_id") not in models:
            return _problem(400, "Reference not found")
        speed = (asked.get("prosody") or {}).get("speed", 1.0)
        pcm = b"" if server.meets("empty_audio") else spoken(asked["text"], asked["reference_id"], 44_100, speed)
        return Response(pcm, mimetype="audio/pcm")

    @app.get("/fish/model")
    def fish_models() -> Response:
        title, own = request.args.get("title", "").casefold(), request.args.get("self") == "true"
        found = [m for m in models.values() if title in m["title"].casefold() and m["own"] >= own]
        size, number = int(request.args["page_size"]), int(request.args["page_number"])
        return jsonify(total=len(found), items=found[(number - 1) * size : number * size])

    @app.get("/fish/model/<model_id>")
    def fish_model(model_id: str) -> Response:
        return jsonify(models[model_id]) if model_id in models else _problem(404, "Model not found")

    @app.post("/fish/model")
    def fish_clone() -> Response:
        samples = [file.read() for file in request.files.getlist("voices")]
        assert samples
        assert all(sample.startswith(b"RIFF") for sample in samples)
        assert request.form["visibility"] == "private"
        model_id = f"{zlib.crc32(b''.join(samples)):08x}{len(models):024d}"
        models[model_id] = _model(model_id, request.form["title"], *request.form.getlist("tags"))
        return jsonify(models[model_id])

    @app.delete("/fish/model/<model_id>")
    def fish_delete_model(model_id: str) -> Response:
        return jsonify() if models.pop(model_id, None) else _problem(404, "Model not found")


def _problem(status: int, message: str) -> Response:
    answer = jsonify(status=status, message=message)
    answer.status_code = status
    return answer
