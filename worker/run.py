"""The job's child process: `python -m worker.run <job_id>`, the lease's token on standard input.

Exit code 0: how the job goes on is recorded, or it is no longer ours. 75: transient trouble, described on standard
output as {code, message, retry_after}; the parent records it.
"""

import argparse
import ctypes
import json
import sys
from uuid import UUID

from shared import log
from shared.config import Settings, settings_or_exit
from shared.db import make_engine, transaction
from shared.dubbing import jobs
from shared.dubbing.leases import Claim
from shared.errors import PermanentError, TransientError
from worker import cloned_voices, costs, pipeline, trouble, work

logger = log.get(__name__)

# glibc's M_ARENA_MAX. By default threads have arenas of their own, and what one has freed another does not use.
ARENA_MAX, ARENAS = -8, 2
# Transactions are short and the languages' threads share them; twice as many are opened in a rush.
CONNECTIONS = 2


def main() -> int:
    """Run the job to its end and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m worker.run", description=__doc__)
    parser.add_argument("job_id", type=UUID)
    job_id = parser.parse_args().job_id
    ctypes.CDLL(None).mallopt(ARENA_MAX, ARENAS)
    answer = trouble.answer_alone()
    order = json.load(sys.stdin)
    settings = settings_or_exit()
    log.configure(settings.log_file, stream=sys.stderr)
    log.bind(job_id=str(job_id), attempt=order["attempt"])
    held = Claim(job_id, UUID(order["lease_token"]), order["attempt"])
    return trouble.report(_trouble(settings, held), answer)


def _trouble(settings: Settings, held: Claim) -> TransientError | None:
    """Run the pipeline; the transient trouble it met, if any. All else is recorded here."""
    engine = make_engine(settings, pool_size=CONNECTIONS)

    def fail(error: PermanentError) -> None:
        with transaction(engine) as session:
            jobs.fail(session, held, (error.code, error.message), settings)

    with costs.kept(engine, held.job_id, settings):
        met = trouble.met(lambda: pipeline.run(work.load(settings, engine, held)), fail)
        try:
            cloned_voices.end(settings, engine, held.job_id)
        except Exception:
            logger.exception("clones left to the sweep")
    return met


if __name__ == "__main__":
    sys.exit(main())
