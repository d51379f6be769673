"""A few child processes that share out work: for native code that holds the GIL.

Unlike concurrent.futures it takes new work only when a child is free (memory stays flat), its children die with this
process, closing it stops them at once, and a child that crashes is a named failure.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from shared.errors import PipelineError, TransientError
from shared.limited import die_with_parent

Work = TypeVar("Work")
Done = TypeVar("Done")


def shared_out(make: Callable[[], Callable[[Work], Done]], work: Iterable[Work], size: int) -> Iterator[Done]:
    """What the functions that `make` makes (one in each of `size` children) give for each of `work`, as it comes.

    `make` is picklable. Raises TransientError `engine_crashed` when a child dies, and what the function raised
    when that was a PipelineError; other failures come as RuntimeError with their name.
    """
    waiting = iter(work)
    crew = _Crew[Work, Done](make)
    try:
        for item in waiting:
            crew.give(item, size)
            if crew.busy == size:
                yield crew.take()
        while crew.busy:
            yield crew.take()
    finally:
        crew.stop()


class _Crew(Generic[Work, Done]):
    def __init__(self, make: Callable[[], Callable[[Work], Done]]) -> None:
        self._make = make
        self._children: dict[Connection, BaseProcess] = {}
        self._free: list[Connection] = []

    @property
    def busy(self) -> int:
        return len(self._children) - len(self._free)

    def give(self, item: Work, size: int) -> None:
        if not self._free and len(self._children) < size:
            self._hire()
        try:
            self._free.pop().send(item)
        except OSError as error:
            raise _crashed() from error

    def take(self) -> Done:
        busy = [connection for connection in self._children if connection not in self._free]
        connection = next(ready for ready in wait(busy) if isinstance(ready, Connection))
        try:
            answer = connection.recv()
        except (EOFError, OSError) as error:
            raise _crashed() from error
        self._free.append(connection)
        if isinstance(answer, _Failure):
            raise answer.error()
        done: Done = answer
        return done

    def stop(self) -> None:
        for connection, child in self._children.items():
            child.kill()
            connection.close()
        for child in self._children.values():
            child.join()

    def _hire(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        child = context.Process(target=_serve, args=(theirs, os.getpid(), self._make), daemon=True)
        child.start()
        theirs.close()
        self._children[ours] = child
        self._free.append(ours)


@dataclass(frozen=True, slots=True)
class _Failure:
    """An exception on its way to the parent; those with several arguments cannot be pickled themselves."""

    kind: type[Exception]
    arguments: tuple[str, ...]

    def error(self) -> Exception:
        return self.kind(*self.arguments)


def _crashed() -> TransientError:
    return TransientError("engine_crashed", "A speech recognition process ended unexpectedly.")


def _serve(connection: Connection, parent: int, make: Callable[[], Callable[[Any], Any]]) -> None:
    die_with_parent(parent)
    function = make()
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            connection.send(_answer(function, connection.recv()))


def _answer(function: Callable[[Any], Any], item: Any) -> Any:
    try:
        return function(item)
    except PipelineError as error:
        return _Failure(type(error), (error.code, error.message))
    except Exception as error:  # noqa: BLE001  named and raised again by the parent, which knows the context
        return _Failure(RuntimeError, (f"{type(error).__name__}: {error}",))
