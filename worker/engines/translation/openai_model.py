"""A language model that answers in a given form, over whichever of the two APIs a server has."""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel, ValidationError

from shared.config import Settings
from worker.engines import errors
from worker.engines.door import Door, Usage
from worker.engines.sdk import openai as sdk

Form = TypeVar("Form", bound=BaseModel)


class TruncatedError(Exception):
    """The answer was cut off: it was longer than the model may answer."""


class Model:
    """The configured model. `openai_translation_api` says how it is asked:

    `responses` and `chat` hold it to the form's JSON schema; `chat_json` is for servers that only know JSON as such,
    and puts the schema into the instructions.
    """

    def __init__(self, settings: Settings, door: Door) -> None:
        self._settings = settings
        self._door = door
        self._name = settings.openai_translation_model
        self._api = settings.openai_translation_api

    def ask(self, instructions: str, document: str, form: type[Form]) -> Form:
        """The answer in its form: one request. Raises TruncatedError, PermanentError `content_refused`, TransientError
        `provider_answer_malformed`, and what the provider's failures are."""
        answer = self._door.call(
            lambda: self._asked(instructions, document, form),
            slot="translation",
            model=self._name,
            usage=lambda answered: answered[1],
        )
        if answer[0] is None:
            raise TruncatedError
        return answer[0]

    def _asked(self, instructions: str, document: str, form: type[Form]) -> tuple[Form | None, tuple[Usage, ...]]:
        with sdk.told(), sdk.readable():
            if self._api == "responses":
                text, usage = _of_response(self._respond(instructions, document, form))
            else:
                text, usage = _of_completion(self._complete(instructions, document, form))
        return (None if text is None else _read(text, form)), usage

    def _respond(self, instructions: str, document: str, form: type[BaseModel]) -> Response:
        return sdk.client(self._settings).responses.create(
            model=self._name,
            instructions=instructions,
            input=document,
            text={"format": {"type": "json_schema", "strict": True, "name": _name(form), "schema": _schema(form)}},
            store=False,
        )

    def _complete(self, instructions: str, document: str, form: type[BaseModel]) -> ChatCompletion:
        as_such = self._api == "chat_json"
        wanted = f"{instructions}\nAnswer with JSON of this schema: {json.dumps(_schema(form))}"
        in_schema = {"strict": True, "name": _name(form), "schema": _schema(form)}
        answer_form: Any = {"type": "json_object"} if as_such else {"type": "json_schema", "json_schema": in_schema}
        return sdk.client(self._settings).chat.completions.create(
            model=self._name,
            messages=[
                {"role": "system", "content": wanted if as_such else instructions},
                {"role": "user", "content": document},
            ],
            response_format=answer_form,
        )


def _name(form: type[BaseModel]) -> str:
    return form.__name__.lower()


def _schema(form: type[BaseModel]) -> dict[str, object]:
    return form.model_json_schema()


def _read(text: str, form: type[Form]) -> Form:
    try:
        return form.model_validate_json(text)
    except ValidationError as error:
        raise errors.malformed(sdk.PROVIDER, "it has another form than was asked for") from error


def _of_response(response: Response) -> tuple[str | None, tuple[Usage, ...]]:
    """The answer's text, None where it was cut off, and its tokens."""
    if not isinstance(response, Response) or not isinstance(response.output, list):
        raise errors.malformed(sdk.PROVIDER, "it is no response")
    reason = response.incomplete_details.reason if response.incomplete_details else None
    refusals = [
        part.refusal
        for item in response.output
        if item.type == "message"
        for part in item.content
        if part.type == "refusal"
    ]
    if refusals or reason == "content_filter":
        raise errors.content_refused(sdk.PROVIDER, " ".join(refusals))
    if response.error is not None:
        raise errors.from_status(sdk.PROVIDER, 500, response.error.message, vendor_code=response.error.code)
    used = response.usage
    tokens = _tokens(used, "input_tokens", "output_tokens")
    return None if response.status == "incomplete" else response.output_text, tuple(tokens)


def _of_completion(completion: ChatCompletion) -> tuple[str | None, tuple[Usage, ...]]:
    """The answer's text, None where it was cut off, and its tokens."""
    if not isinstance(completion, ChatCompletion) or not completion.choices:
        raise errors.malformed(sdk.PROVIDER, "it is no completion")
    choice, used = completion.choices[0], completion.usage
    if choice.message.refusal or choice.finish_reason == "content_filter":
        raise errors.content_refused(sdk.PROVIDER, choice.message.refusal or "")
    tokens = _tokens(used, "prompt_tokens", "completion_tokens")
    return None if choice.finish_reason == "length" else choice.message.content or "", tuple(tokens)


def _tokens(used: Any, given: str, answered: str) -> Iterable[Usage]:
    """What the answer says was used, under those names, as far as it does."""
    if isinstance(taken := getattr(used, given, None), int | float):
        yield Usage("input_tokens", taken)
    if isinstance(made := getattr(used, answered, None), int | float):
        yield Usage("output_tokens", made)
