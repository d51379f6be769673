"""`Idempotency-Key` on every POST that creates: sent again, it is answered again and creates nothing."""

import hashlib
import json
from collections.abc import Callable

from flask import Response, request
from pydantic import Field
from sqlalchemy.orm import Session

from shared import idempotency
from shared.idempotency import Keyed, Stored
from web.auth import user_id
from web.neighbours import transaction
from web.openapi import Parameters

# What of an answer's head is kept with it.
KEPT_HEADERS = ("Location", "Retry-After")


class IdempotencyHeader(Parameters):
    """A key of the client's own."""

    idempotency_key: str | None = Field(
        None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Names this request: sent again within a day it gets the same answer and creates nothing more.",
    )


def once(header: IdempotencyHeader, create: Callable[[Session], Response]) -> Response:
    """What `create` answers, in one transaction; with a key that was seen before, the answer of then.

    Raises AppError `idempotency_key_reused` (409), and what `create` raises: then nothing is kept.
    """
    with transaction() as session:
        if header.idempotency_key is None:
            return create(session)
        keyed = _keyed(header.idempotency_key)
        known = idempotency.begin(session, keyed)
        if known is not None:
            return Response(known.body, known.status, known.headers, mimetype="application/json")
        answer = create(session)
        idempotency.keep(session, keyed, _stored(answer))
        return answer


def _keyed(key: str) -> Keyed:
    document = json.dumps(request.get_json(silent=True), sort_keys=True)
    content = f"{request.path}\n{document}"
    route = request.url_rule.rule if request.url_rule else request.path
    return Keyed(user_id(), route, key, hashlib.sha256(content.encode()).hexdigest())


def _stored(answer: Response) -> Stored:
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    return Stored(answer.status_code, headers, answer.get_data(as_text=True))
