"""What an answer of a language model says was used."""

from types import SimpleNamespace

import pytest
from openai.types.chat import ChatCompletion
from pydantic import BaseModel

from worker.engines import door as doors
from worker.engines.door import ProviderCall, Usage
from worker.engines.translation import openai_model


class Answer(BaseModel):
    text: str


@pytest.mark.parametrize(("given", "answered"), [(12, 7), (0, 0)])
def test_a_server_that_counts_by_both_names_is_paid_once(
    settings, monkeypatch: pytest.MonkeyPatch, given: int, answered: int
) -> None:
    """Some put the names of the newer API beside those of the older one, with the same numbers or with nought."""
    message = {"role": "assistant", "content": '{"text": "hola"}'}
    usage = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}
    completion = ChatCompletion.model_validate(
        {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {**usage, "input_tokens": given, "output_tokens": answered},
        }
    )
    completions = SimpleNamespace(create=lambda **_: completion)
    monkeypatch.setattr(
        openai_model.sdk, "client", lambda _: SimpleNamespace(chat=SimpleNamespace(completions=completions))
    )
    wanted = settings.model_copy(update={"openai_translation_api": "chat"})
    told: list[ProviderCall] = []
    stop = doors.listen(told.append)
    try:
        assert openai_model.Model(wanted, doors.door("openai", wanted)).ask("", "", Answer).text == "hola"
    finally:
        stop()
    assert [call.usage for call in told] == [(Usage("input_tokens", 12), Usage("output_tokens", 7))]
