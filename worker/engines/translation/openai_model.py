"""A language model that answers in a given form, over whichever of the two APIs a server has."""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel, ValidationError

from shared.config import Settings
from worker.engines import errors
from worker.engines.door import Door, Unit, Usage, paid
from worker.engines.sdk import openai as sdk

Form = TypeVar("Form", bound=BaseModel)
_FENCED = re.compile(r"\s*```\w*\s(.*)```\s*", re.DOTALL)


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
        with sdk.told():
            by_responses = self._api == "responses"
            answer = (self._respond if by_responses else self._complete)(instructions, document, form)
        usage = tuple(_tokens(answer))
        with paid(usage), sdk.readable():
            text = _of_response(answer) if isinstance(answer, Response) else _of_completion(answer)
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
        return form.model_validate_json(_unfenced(text))
    except ValidationError as error:
        raise errors.malformed(sdk.PROVIDER, "it has another form than was asked for") from error


def _unfenced(text: str) -> str:
    """The text without the one code fence around it, which models like to put there, if there is one."""
    fenced = _FENCED.fullmatch(text)
    return fenced[1] if fenced else text


def _of_response(response: Response) -> str | None:
    """The answer's text; None where it was cut off."""
    if not isinstance(response.output, list):
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
    return None if response.status == "incomplete" else response.output_text


def _of_completion(completion: ChatCompletion) -> str | None:
    """The answer's text; None where it was cut off."""
    if not completion.choices:
        raise errors.malformed(sdk.PROVIDER, "it is no completion")
    choice = completion.choices[0]
    if choice.message.refusal or choice.finish_reason == "content_filter":
        raise errors.content_refused(sdk.PROVIDER, choice.message.refusal or "")
    return None if choice.finish_reason == "length" else choice.message.content or ""


def _tokens(answer: Any) -> Iterator[Usage]:
    """What the answer says was used, under the names of either API, as far as it does; some servers use both."""
    used = getattr(answer, "usage", None)
    units: tuple[tuple[Unit, str, str], ...] = (
        ("input_tokens", "input_tokens", "prompt_tokens"),
        ("output_tokens", "output_tokens", "completion_tokens"),
    )
    for unit, *names in units:
        told = [count for name in names if isinstance(count := getattr(used, name, None), int | float)]
        if told:
            yield Usage(unit, max(told))
