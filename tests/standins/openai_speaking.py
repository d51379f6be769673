"""OpenAI's translation and speech: `/v1/responses`, `/v1/chat/completions`, `/v1/audio/speech`.

It "translates" by saying `Ya: ` before the line, with the glossary's renderings in it, cut to its budget. A document
with FORBIDDEN in it is refused whole. `server.longest_answer` is how many lines fit into one answer.
"""

import json
from functools import partial
from typing import Any

from flask import Flask, Response, jsonify, request

from tests.standins.speech import spoken

VOICES = {
    "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar", "fable", "onyx", "nova",
}  # fmt: skip
RATE = 24_000


def translated(text: str, glossary: dict[str, str] | None = None, budget: int | None = None) -> str:
    """What this model makes of a line."""
    for term, rendering in (glossary or {}).items():
        text = text.replace(term, rendering)
    words = f"Ya: {text}".split()
    while budget is not None and len(" ".join(words)) > budget and len(words) > 2:
        words.pop()
    return " ".join(words)


def mount(app: Flask, server: Any) -> None:
    """Add the routes."""
    for path, name, answer in (
        ("/openai/v1/responses", "openai_responses", _responses),
        ("/openai/v1/chat/completions", "openai_chat_completions", _chat_completions),
        ("/openai/v1/audio/speech", "openai_speech", _speech),
    ):
        app.add_url_rule(path, name, partial(answer, server), methods=["POST"])


def _responses(server: Any) -> Response:
    asked = request.get_json()
    assert asked["store"] is False
    assert asked["text"]["format"]["strict"] is True
    text, refusal = _answer(server, asked["input"], asked["text"]["format"]["name"])
    part = (
        {"type": "refusal", "refusal": refusal}
        if refusal
        else {"type": "output_text", "text": text or '{"lines": [{"id": 0, "sou', "annotations": []}
    )
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    cut = text is None and not refusal
    return jsonify(
        id="resp_1", object="response", created_at=1, model=asked["model"], output=[message],
        status="incomplete" if cut else "completed", error=None,
        incomplete_details={"reason": "max_output_tokens"} if cut else None,
        parallel_tool_calls=True, tool_choice="auto", tools=[],
        usage={
            "input_tokens": len(asked["input"]) // 4, "output_tokens": len(text or "") // 4, "total_tokens": 0,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    )  # fmt: skip


def _chat_completions(server: Any) -> Response:
    asked = request.get_json()
    system, user = asked["messages"]
    form = asked["response_format"]
    if form["type"] == "json_schema":
        name = form["json_schema"]["name"]
    else:
        assert '"properties"' in system["content"], "the schema has to be in the instructions"
        name = "reply" if '"summary"' in system["content"] else "shortened"
    text, refusal = _answer(server, user["content"], name)
    message = {"role": "assistant", "content": text or '{"lines": [', "refusal": refusal}
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "stop" if text or refusal else "length",
        "logprobs": None,
    }
    return jsonify(
        id="chatcmpl-1", object="chat.completion", created=1, model=asked["model"], choices=[choice],
        usage={
            "prompt_tokens": len(user["content"]) // 4, "completion_tokens": len(text or "") // 4,
            "total_tokens": 0,
        },
    )  # fmt: skip


def _speech(server: Any) -> Response:
    asked = request.get_json()
    assert asked["response_format"] == "pcm"
    if asked["voice"] not in VOICES:
        return _problem(400, f"Invalid voice {asked['voice']!r}.", "invalid_value")
    if "FORBIDDEN" in asked["input"]:
        return _problem(400, "This goes against the usage policies.", "content_policy_violation")
    pcm = b"" if server.meets("empty_audio") else spoken(asked["input"], asked["voice"], RATE, asked.get("speed", 1.0))
    return Response(pcm, mimetype="application/octet-stream")


def _answer(server: Any, document: str, form: str) -> tuple[str | None, str | None]:
    """What the model says (None: cut off), or why it refuses."""
    asked = json.loads(document)
    if "FORBIDDEN" in document:
        return None, "I can't help with that."
    if form == "shortened":
        words = asked["text"].split()
        while len(" ".join(words)) > asked["budget"] and len(words) > 1:
            words.pop()
        return json.dumps({"text": " ".join(words)}), None
    if len(asked["lines"]) > getattr(server, "longest_answer", 1000):
        return None, None
    lines = [_line(line, asked.get("glossary")) for line in asked["lines"]]
    if server.meets("wrong_ids"):
        lines = _confused(lines)
    summary = " ".join([asked.get("summary", ""), f"{len(lines)} lines."]).strip()
    said = json.dumps({"lines": lines, "summary": summary})
    if server.meets("wrong_form"):
        return said.replace('"lines"', '"translations"'), None
    return f"```json\n{said}\n```" if server.meets("fenced") else said, None


def _line(line: dict[str, Any], glossary: dict[str, str] | None) -> dict[str, Any]:
    text = line["draft"] + " (reviewed)" if "draft" in line else translated(line["text"], glossary, line.get("budget"))
    return {"id": line["id"], "source": " ".join(line["text"].split()[:4]), "text": text}


def _confused(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In another order, one lacking, one twice and differently, one under another's id, one of nobody's."""
    rest = lines[1:]
    doubled = [{**line, "text": line["text"] + " or not"} for line in rest[:1]]
    shifted = [{**line, "id": line["id"] + 1} for line in rest[1:2]]
    return [
        *reversed(rest[2:]),
        *shifted,
        *rest[:1],
        *doubled,
        {"id": 9999, "source": "Nobody said this", "text": "So."},
    ]


def _problem(status: int, message: str, code: str) -> Response:
    answer = jsonify(error={"message": message, "type": "invalid_request_error", "param": None, "code": code})
    answer.status_code = status
    return answer
