"""What becomes of a child process's failures; transient trouble is told to the parent: JSON on standard output,
exit code 75."""

import errno
import json
import os
import sys
from collections.abc import Callable

from shared import log
from shared.errors import LeaseLostError, PermanentError, TransientError
from worker.child import EX_TEMPFAIL

logger = log.get(__name__)


def answer_alone() -> int:
    """The descriptor of the parent's pipe, ours alone: what anyone prints goes to the log."""
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answer


def report(trouble: TransientError | None, answer: int) -> int:
    """Write the trouble, if any, to the parent; the exit code."""
    if trouble is None:
        return 0
    logger.warning("transient trouble", code=trouble.code, message=trouble.message, cause=repr(trouble.__cause__))
    document = {"code": trouble.code, "message": trouble.message, "retry_after": trouble.retry_after}
    with os.fdopen(answer, "w") as pipe:
        pipe.write(json.dumps(document))
    return EX_TEMPFAIL


def met(work: Callable[[], object], reject: Callable[[PermanentError], None]) -> TransientError | None:
    """Do `work`; the transient trouble it met, if any. A PermanentError goes to `reject`; a lost lease ends it all."""
    try:
        try:
            work()
        except PermanentError as error:
            logger.warning("rejected", code=error.code, message=error.message)
            reject(error)
    except LeaseLostError:
        logger.info("the lease is lost")
    except TransientError as error:
        return error
    except OSError as error:
        logger.exception("the work stopped")
        return _of_os(error)
    except Exception:
        logger.exception("the work stopped")
        return TransientError("internal_error", "Something went wrong on our side.")
    return None


def _of_os(error: OSError) -> TransientError:
    """What a failure of the machine means."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return TransientError("disk_full", "The worker's disk is full; the job waits for room.")
    return TransientError("internal_error", "Something went wrong on our side.")
