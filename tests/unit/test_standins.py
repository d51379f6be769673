"""The stand-ins' knobs turn what they say they turn."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from flask import Flask

from tests.standins.server import CUT, MALFORMED, QUOTA, WRONG_IDS, Server, serving, slow, status


def mount(app: Flask, server: Server) -> None:
    @app.post("/openai/v1/echo")
    def openai_echo() -> dict[str, Any]:
        return {"ids": [1, 1] if server.meets("wrong_ids") else [1, 2]}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(SimpleNamespace(mount=mount)) as one:
        yield one


def ask(server: Server, document: dict[str, Any] | None = None) -> httpx.Response:
    return httpx.post(f"{server.url}/openai/v1/echo", json=document or {}, timeout=5)


def test_each_call_of_a_plan_meets_its_fault_and_the_rest_none(server: Server) -> None:
    server.plan("openai_echo", status(429, retry_after=0.5), QUOTA, CUT, MALFORMED, WRONG_IDS, slow(0.01))
    busy = ask(server, {"text": "hello"})
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "0.5")
    assert ask(server).json()["error"]["code"] == "insufficient_quota"
    with pytest.raises(httpx.TransportError):
        ask(server)
    with pytest.raises(ValueError):
        ask(server).json()
    assert ask(server).json() == {"ids": [1, 1]}
    assert ask(server).json() == ask(server).json() == {"ids": [1, 2]}
    assert server.asked("openai_echo")[0].document == {"text": "hello"}
    assert server.succeeded() == {"openai_echo": 1}
    server.forget()
    assert server.calls() == 0


def test_random_faults_come_in_their_share_and_the_same_again(server: Server) -> None:
    def met(seed: int) -> list[bool]:
        server.forget()
        server.fail_at_random(0.2, seed, [status(500)])
        return [ask(server).status_code == 500 for _ in range(60)]

    assert met(1) == met(1) != met(2)
    assert 4 <= sum(met(1)) <= 22
    server.fail_at_random(0.0, 0)
