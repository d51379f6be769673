"""Requests over a few keep-alive connections, from a process of their own."""

import http.client
import multiprocessing
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Call:
    """One request, and the status it has to be answered with."""

    method: str
    path: str
    expected: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


def rate(url: str, calls: Sequence[Call], seconds: float, connections: int = 4) -> float:
    """Requests a second that `url` answers to `calls`, in turn, on each connection. Raises RuntimeError."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=_load, args=(theirs, url, tuple(calls), seconds, connections)
    )
    child.start()
    theirs.close()
    try:
        answered, trouble = ours.recv()
    finally:
        child.join()
    if trouble:
        raise RuntimeError(trouble)
    return float(answered)


def _load(pipe: Connection, url: str, calls: tuple[Call, ...], seconds: float, connections: int) -> None:
    counts, troubles = [0] * connections, [""] * connections
    began = time.perf_counter()

    def connection(number: int) -> None:
        http_connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        index = number * len(calls) // connections
        while time.perf_counter() - began < seconds and not troubles[number]:
            troubles[number] = _send(http_connection, calls[index % len(calls)])
            counts[number] += 1
            index += 1
        http_connection.close()

    threads = [threading.Thread(target=connection, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pipe.send((sum(counts) / (time.perf_counter() - began), next(filter(None, troubles), "")))


def _send(connection: http.client.HTTPConnection, call: Call) -> str:
    """What was wrong with the answer, or nothing."""
    connection.request(call.method, call.path, call.body, call.headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status == call.expected:
        return ""
    return f"{call.method} {call.path} was answered {answer.status}: {body[:300]!r}"
