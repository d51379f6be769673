"""A few child processes that share out work and what they work with: for native code that holds the GIL.

Unlike concurrent.futures it takes new work only when a child is free (memory stays flat), and a child that crashes is
a named failure. One process loads the models and forks the children from itself, so that what they only read is in
memory once; it dies with this process's thread and they die with it. It imports nothing of the caller's main module.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, Generic, TypeVar

from shared.errors import PipelineError, TransientError
from shared.limited import die_with_parent

Work = TypeVar("Work")
Done = TypeVar("Done")

_LEAD = "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); from worker.crew import lead; lead()"


def shared_out(
    make: Callable[[], Callable[[Work], Done]],
    work: Iterable[Work],
    size: int,
    first_one: Callable[[], bool] = lambda: False,
) -> Iterator[Done]:
    """What the function that `make` makes gives for each of `work`, as it comes from `size` children.

    While `first_one` says so, only what was given first of all that is under way is waited for. `make` can be pickled,
    and may start no thread. Raises TransientError `engine_crashed` when a child dies, and what the function raised
    when that was a PipelineError; other failures come as RuntimeError with their name.
    """
    waiting = iter(work)
    for first in waiting:
        with closing(Crew[Work, Done](make, size)) as crew:
            yield from crew.share_out(chain([first], waiting), first_one)


class Crew(Generic[Work, Done]):
    """The process that leads, and our end of the pipe to each of its children. It loads while nothing is given yet."""

    def __init__(self, make: Callable[[], Callable[[Work], Done]], size: int) -> None:
        pipes = [Pipe() for _ in range(size)]
        theirs = [end.fileno() for _, end in pipes]
        self._leader = subprocess.Popen([sys.executable, "-I", "-c", _LEAD], stdin=subprocess.PIPE, pass_fds=theirs)
        self.free = [end for end, _ in pipes]
        self.busy: list[Connection] = []
        for _, end in pipes:
            end.close()
        with suppress(BrokenPipeError), self._orders() as orders:  # it died already, which _take() will say
            orders.write(pickle.dumps(sys.path) + pickle.dumps((make, theirs, os.getpid())))

    def share_out(self, work: Iterable[Work], first_one: Callable[[], bool] = lambda: False) -> Iterator[Done]:
        """As `shared_out`, by these children. Nothing more can be shared out by them once it was left early."""
        assert not self.busy, "what is under way would be taken for answers to this work"
        for item in work:
            while not self.free or (self.busy and first_one()):
                yield self._take(oldest=first_one())
            self._give(item)
        while self.busy:
            yield self._take(oldest=first_one())

    def _give(self, item: Work) -> None:
        connection = self.free.pop()
        self.busy.append(connection)
        try:
            _send(connection, item)
        except OSError as error:
            raise _crashed() from error

    def _take(self, *, oldest: bool) -> Done:
        awaited = self.busy[:1] if oldest else self.busy
        connection = next(ready for ready in wait(awaited) if isinstance(ready, Connection))
        try:
            answer = _received(connection)
        except (EOFError, OSError) as error:
            raise _crashed() from error
        self.busy.remove(connection)
        self.free.append(connection)
        if isinstance(answer, _Failure):
            raise answer.error()
        done: Done = answer
        return done

    def close(self) -> None:
        """End the leader, and with it the children, whatever they do. They hold nothing that an orderly end saves."""
        for connection in (*self.free, *self.busy):
            connection.close()
        self._leader.kill()
        self._leader.wait()

    def _orders(self) -> Any:
        assert self._leader.stdin is not None
        return self._leader.stdin


@dataclass(frozen=True, slots=True)
class _Failure:
    """An exception on its way to the parent; those with several arguments cannot be pickled themselves."""

    kind: type[Exception]
    arguments: tuple[str, ...]

    def error(self) -> Exception:
        return self.kind(*self.arguments)


def _crashed() -> TransientError:
    return TransientError("engine_crashed", "A process that shared in the work ended unexpectedly.")


def lead() -> None:
    """In the process that leads: load what the work needs, fork a child for each pipe, wait until all have ended."""
    make, descriptors, parent = pickle.load(sys.stdin.buffer)  # noqa: S301  written by our parent
    die_with_parent(parent)
    function = make()
    connections = [Connection(descriptor) for descriptor in descriptors]
    while connections:
        leader, own = os.getpid(), connections.pop()
        if os.fork() == 0:
            for other in connections:
                other.close()  # or the parent would never see that child's end
            die_with_parent(leader)
            _serve(own, function)
            os._exit(0)
        own.close()
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _serve(connection: Connection, function: Callable[[Any], Any]) -> None:
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            _send(connection, _answer(function, _received(connection)))


def _send(connection: Connection, item: Any) -> None:
    """An object, and then what its arrays hold (PEP 574): pickled with it, that would be in memory twice more."""
    apart: list[pickle.PickleBuffer] = []
    form = pickle.dumps(item, protocol=5, buffer_callback=apart.append)
    contents = [buffer.raw() for buffer in apart]
    connection.send_bytes(pickle.dumps((form, [len(content) for content in contents])))
    for content in contents:
        connection.send_bytes(content)


def _received(connection: Connection) -> Any:
    form, sizes = pickle.loads(connection.recv_bytes())  # noqa: S301  written by the other end of our own pipe
    contents = [bytearray(size) for size in sizes]
    for content in contents:
        connection.recv_bytes_into(content)
    return pickle.loads(form, buffers=contents)  # noqa: S301


def _answer(function: Callable[[Any], Any], item: Any) -> Any:
    try:
        return function(item)
    except PipelineError as error:
        return _Failure(type(error), (error.code, error.message))
    except Exception as error:  # noqa: BLE001  named and raised again by the parent, which knows the context
        return _Failure(RuntimeError, (f"{type(error).__name__}: {error}",))
