"""Cloned voices go when their job is over. `python -m worker.cloned_voices` deletes those that were left:
of jobs that ended without a process to do it, and with `--strays` those that nobody remembers.

A process of its own, for the providers' SDKs are large.
"""

import argparse
import subprocess
import sys
from uuid import UUID

from sqlalchemy import Engine

from shared import limited, log
from shared.config import Settings, settings_or_exit
from shared.db import make_engine, transaction
from shared.dubbing import clones
from shared.errors import PipelineError, TransientError
from shared.models import ClonedVoice
from worker.engines import chain
from worker.engines.chain import PatientCloner
from worker.engines.voice_cloning import names

logger = log.get(__name__)

LONGEST_SECONDS = 600


def end(settings: Settings, engine: Engine, job_id: UUID) -> int:
    """Delete the job's clones if it is over; how many. What can't be deleted now is left to the sweep."""
    with transaction(engine) as session:
        rows = clones.left_over(session, job_id)
    return sum(_deleted(settings, engine, row) for row in rows)


def sweep(settings: Settings, engine: Engine) -> int:
    """Delete the clones of all jobs that are over; how many."""
    with transaction(engine) as session:
        rows = clones.left_over(session)
    return sum(_deleted(settings, engine, row) for row in rows)


def sweep_strays(settings: Settings, engine: Engine) -> int:
    """Delete this installation's clones that no row knows (a database that was set back); how many."""
    cloners = (chain.voice_cloning(settings, name) for name in settings.engines("speech_synthesis"))
    return sum(_strays_deleted(settings, engine, cloner) for cloner in cloners if cloner is not None)


def _strays_deleted(settings: Settings, engine: Engine, cloner: PatientCloner) -> int:
    # First the voices, then the rows: a row is written before its voice is made.
    there = cloner.owned(names.prefix(settings))
    with transaction(engine) as session:
        rows = [row for row in clones.known(session) if row.provider == cloner.name]
    expected = {row.voice_id for row in rows}
    for row in rows:
        expected |= set(cloner.owned(names.name(settings, row.id))) if row.voice_id is None else set()
    strays = [voice_id for voice_id in there if voice_id not in expected]
    for voice_id in strays:
        logger.warning("stray clone", voice_id=voice_id)
        cloner.delete(voice_id)
    return len(strays)


def sweep_in_child(engine: Engine) -> int:
    """Run the sweep where there is something to do; how much there was. Raises TransientError when it fails."""
    with transaction(engine) as session:
        left = len(clones.left_over(session))
    if left:
        _in_child()
    return left


def sweep_strays_in_child() -> None:
    """Look for clones that nobody remembers. Raises TransientError when that fails."""
    _in_child("--strays")


def _deleted(settings: Settings, engine: Engine, row: ClonedVoice) -> bool:
    """Whether the clone is gone at the provider, and so its row."""
    cloner = chain.voice_cloning(settings, row.provider)
    if cloner is None:
        logger.error("no engine deletes these clones", provider=row.provider)
        return False
    with transaction(engine) as session:
        if not clones.doom(session, row.id):
            return False
    try:
        # By its name too: the answer to the request that made it may have been lost.
        for voice_id in {*filter(None, [row.voice_id]), *cloner.owned(names.name(settings, row.id))}:
            cloner.delete(voice_id)
    except PipelineError as error:
        logger.warning("clone not deleted yet", clone_id=str(row.id), code=error.code, message=error.message)
        return False
    with transaction(engine) as session:
        clones.gone(session, row.id)
    return True


def _in_child(*options: str) -> None:
    command = limited.command([sys.executable, "-m", __name__, *options], limited.Limits())
    try:
        subprocess.run(command, check=True, timeout=LONGEST_SECONDS, stdin=subprocess.DEVNULL)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise TransientError("clones_left", f"Cloned voices could not be deleted: {error}") from error


def main() -> None:
    """Sweep once."""
    parser = argparse.ArgumentParser(prog="python -m worker.cloned_voices", description=__doc__)
    parser.add_argument("--strays", action="store_true")
    options = parser.parse_args()
    settings = settings_or_exit()
    log.configure(settings.log_file)
    engine = make_engine(settings, pool_size=1)
    count = sweep_strays(settings, engine) if options.strays else sweep(settings, engine)
    logger.info("clones deleted", count=count, strays=options.strays)


if __name__ == "__main__":
    main()
