"""Providers' stand-ins on 127.0.0.1: their wire formats over real HTTP, with knobs for all that goes wrong.

Each provider's routes are a module with `mount(app, server)`; a route's name for the knobs is its Flask endpoint, and
its path begins with the provider's name: `/openai/v1/…`, `/elevenlabs/v1/…`, `/fish/v1/…`.

    with serving(openai_hearing, fish_speaking) as server:
        settings = make(**server.settings())              # keys and base URLs
        server.plan("openai_transcriptions", status(429, retry_after=0.1), CUT)   # the route's next two calls
        server.fail_at_random(0.2, seed=7)                # of all calls to any route
        …
        assert server.calls("openai_transcriptions") == 3

A route asks `server.meets("wrong_ids")`, `server.meets("empty_audio")` for the faults that only it can make; status,
quota, slow, cut and malformed are made here. `server.latency` (seconds by route) makes answers take their time.
"""

import importlib
import json
import random
import socket
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from flask import Flask, Response, g, request
from werkzeug.serving import make_server

Kind = Literal["status", "quota", "slow", "cut", "malformed", "wrong_ids", "wrong_form", "fenced", "empty_audio"]
PROVIDERS = ("openai", "elevenlabs", "fish")
PREFIXES = {"openai": "/openai/v1", "elevenlabs": "/elevenlabs", "fish": "/fish"}
KEY = "a key for the stand-in"


@dataclass(frozen=True)
class Fault:
    """What happens to one call. `retry_after` and `seconds` are seconds; `status` counts for kind `status` only."""

    kind: Kind
    status: int = 500
    retry_after: float | None = None
    seconds: float = 0.0


def status(code: int, retry_after: float | None = None) -> Fault:
    """The provider answers with this status and an error document of its own form."""
    return Fault("status", status=code, retry_after=retry_after)


def slow(seconds: float) -> Fault:
    """The answer is right, and late."""
    return Fault("slow", seconds=seconds)


QUOTA = Fault("quota")
CUT = Fault("cut")
MALFORMED = Fault("malformed")
WRONG_IDS = Fault("wrong_ids")
WRONG_FORM = Fault("wrong_form")
FENCED = Fault("fenced")
EMPTY_AUDIO = Fault("empty_audio")
# What may pass, each in its own way. The waits they ask for are short, so that tests are.
PASSING = (status(429, retry_after=0.05), status(500), status(503), status(408), CUT, MALFORMED)


@dataclass(frozen=True)
class Asked:
    """A call as it came: the route's name, its JSON or form (files by name and size), and the fault it met."""

    route: str
    path: str
    document: dict[str, Any]
    fault: Fault | None
    begun: float
    headers: dict[str, str]


class Server:
    """The knobs, and the log of what was asked. For several threads."""

    def __init__(self) -> None:
        self.url = ""
        self.latency: dict[str, float] = {}
        self.log: list[Asked] = []
        self.answered: list[tuple[str, float, float]] = []  # a route, when it was asked and when it had its answer
        self._plans: dict[str, deque[Fault | None]] = defaultdict(deque)
        self._random = random.Random(0)
        self._share = 0.0
        self._faults: Sequence[Fault] = PASSING
        self._lock = threading.Lock()

    def plan(self, route: str, *faults: Fault | None) -> None:
        """What the next calls of `route` meet, in order; None: nothing."""
        with self._lock:
            self._plans[route].extend(faults)

    def fail_at_random(self, share: float, seed: int, faults: Sequence[Fault] = PASSING) -> None:
        """From now on `share` of the calls that no plan covers meet one of `faults`."""
        with self._lock:
            self._random, self._share, self._faults = random.Random(seed), share, faults

    def calls(self, route: str | None = None) -> int:
        """How many calls came, to `route` or to all."""
        return len(self.asked(route))

    def asked(self, route: str | None = None) -> list[Asked]:
        """The calls that came, in order."""
        with self._lock:
            return [asked for asked in self.log if route in (None, asked.route)]

    def succeeded(self) -> Counter[str]:
        """By route, the calls that met no fault."""
        return Counter(asked.route for asked in self.asked() if asked.fault is None)

    def forget(self) -> None:
        """An empty log, no plans."""
        with self._lock:
            self.log.clear()
            self.answered.clear()
            self._plans.clear()

    def settings(self, *providers: str) -> dict[str, Any]:
        """Keys and base URLs of the providers (all where none is named) as settings, with short patience."""
        named = providers or PROVIDERS
        urls = {f"{name}_base_url": self.url + PREFIXES[name] for name in named}
        return {**urls, **{f"{name}_api_key": KEY for name in named}}

    def meets(self, kind: Kind) -> bool:
        """Whether the call under way is to meet this fault."""
        fault: Fault | None = g.get("fault")
        return fault is not None and fault.kind == kind

    def take(self, route: str) -> Fault | None:
        """Note a call, and choose what it meets."""
        with self._lock:
            plan = self._plans.get(route)
            if plan:
                fault = plan.popleft()
            else:
                unlucky = self._share and self._random.random() < self._share
                fault = self._random.choice(self._faults) if unlucky else None
            self.log.append(
                Asked(route, request.path, _document(), fault, time.monotonic(), dict(request.headers.items()))
            )
            return fault


def _document() -> dict[str, Any]:
    if request.is_json:
        document = request.get_json(silent=True)
        return document if isinstance(document, dict) else {}
    files = {name: (file.filename, file.seek(0, 2), file.seek(0))[1] for name, file in request.files.items()}
    return {**{name: request.form.getlist(name) for name in request.form}, "files": files}


def _problem(provider: str, code: int, *, quota: bool = False) -> Response:
    """An error document in the provider's own form."""
    if provider == "openai":
        vendor = "insufficient_quota" if quota else {429: "rate_limit_exceeded"}.get(code, "server_error")
        error = {"message": "No.", "type": vendor, "param": None, "code": vendor}
        return _json({"error": error}, 429 if quota else code)
    if provider == "elevenlabs":
        vendor = "quota_exceeded" if quota else {429: "too_many_concurrent_requests"}.get(code, "internal_error")
        return _json({"detail": {"status": vendor, "message": "No."}}, 401 if quota else code)
    return _json({"status": 402 if quota else code, "message": "No."}, 402 if quota else code)


def _met(fault: Fault) -> Response | None:
    """What a call meets instead of its answer; None: the route answers."""
    provider = request.path.split("/")[1]
    time.sleep(fault.seconds)
    if fault.kind == "cut":
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    if fault.kind == "quota":
        return _problem(provider, 429, quota=True)
    if fault.kind != "status":
        return None
    refusal = _problem(provider, fault.status)
    if fault.retry_after is not None:
        refusal.headers["Retry-After"] = f"{fault.retry_after:g}"
    return refusal


def _json(document: Any, code: int) -> Response:
    return Response(json.dumps(document), code, mimetype="application/json")


def make_app(server: Server, modules: Sequence[ModuleType]) -> Flask:
    """The Flask app of these modules' routes behind the knobs."""
    app = Flask(__name__)

    @app.before_request
    def meet() -> Response | None:
        route = (request.endpoint or "unknown").rpartition(".")[2]
        g.route, g.begun = route, time.monotonic()
        g.fault = server.take(route)
        time.sleep(server.latency.get(route, 0.0))
        return _met(g.fault) if g.fault else None

    @app.after_request
    def spoil(answer: Response) -> Response:
        server.answered.append((g.route, g.begun, time.monotonic()))
        if server.meets("malformed"):
            body = answer.get_data()
            return Response(body[: len(body) // 2], answer.status_code, mimetype=answer.mimetype)
        return answer

    for module in modules:
        module.mount(app, server)
    return app


@contextmanager
def serving(*modules: ModuleType | str) -> Iterator[Server]:
    """A server of these modules (or their names within tests.standins) on a free port, in threads of this process."""
    server = Server()
    found = [importlib.import_module(f"tests.standins.{m}") if isinstance(m, str) else m for m in modules]
    http = make_server("127.0.0.1", 0, make_app(server, found), threaded=True)
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
