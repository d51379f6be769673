"""How a child process tells its parent of transient trouble: JSON on standard output, exit code 75."""

import errno
import json
import os
import sys

from shared import log
from shared.errors import TransientError
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


def of_os(error: OSError) -> TransientError:
    """What a failure of the machine means."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return TransientError("disk_full", "The worker's disk is full; the job waits for room.")
    return TransientError("internal_error", "Something went wrong on our side.")
