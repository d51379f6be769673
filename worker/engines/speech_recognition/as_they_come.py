"""Pieces side by side at a provider: as many at once as it takes, answers as they come, troubles told at the end."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context

from shared.errors import PipelineError, TransientError
from worker.engines.errors import OutOfQuotaError
from worker.engines.protocols import Piece, Recognised

Hear = Callable[[Piece], Recognised]


def as_they_come(
    hear: Hear, pieces: Iterable[Piece], at_once: int, *, first_alone: bool = False
) -> Iterator[Recognised]:
    """What `hear` makes of each piece; no more pieces are taken than are heard at once. `first_alone`: the others wait
    for the first one's answer.

    What met a TransientError is left out, and the first of these is raised when all others have come. After any other
    failure, and when the provider's quota is used up, no further piece is taken.
    """
    troubles: list[Exception] = []
    running: set[Future[Recognised]] = set()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for number, piece in enumerate(pieces):
                running.add(pool.submit(copy_context().run, hear, piece))
                if len(running) >= at_once or (first_alone and number == 0):
                    yield from _done(running, troubles)
                if any(map(_hopeless, troubles)):
                    break
            while running:
                yield from _done(running, troubles)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    if troubles:
        raise next(filter(_hopeless, troubles), troubles[0])


def _done(running: set[Future[Recognised]], troubles: list[Exception]) -> Iterator[Recognised]:
    """The answers that have come, at least one or a trouble; they leave `running`."""
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    running -= done
    for future in done:
        try:
            yield future.result()
        except PipelineError as error:
            troubles.append(error)


def _hopeless(trouble: Exception) -> bool:
    return not isinstance(trouble, TransientError) or isinstance(trouble, OutOfQuotaError)
