"""Publish what this installation's engines can do: `python -m worker.capabilities`.

In a process of its own, so that loading engines never holds up the worker's HTTP process.
"""

import subprocess
import sys

from shared import languages, limited, log
from shared.config import settings_or_exit
from shared.db import make_engine, transaction
from shared.errors import TransientError
from worker.engines import registry

LONGEST_SECONDS = 120


def publish_in_child() -> None:
    """Run this module in a child process. Raises TransientError when it does not succeed."""
    command = limited.command([sys.executable, "-m", __name__], limited.Limits())
    try:
        subprocess.run(command, check=True, timeout=LONGEST_SECONDS, stdin=subprocess.DEVNULL)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise TransientError("engines_unknown", f"The engines could not say what they can do: {error}") from error


def main() -> None:
    """Ask each slot's engine and write the answers."""
    settings = settings_or_exit()
    log.configure(settings.log_file)
    slots = registry.capabilities(settings)
    with transaction(make_engine(settings, pool_size=1)) as session:
        languages.publish(session, slots)
    log.get(__name__).info("capabilities published", slots={slot: item["engines"] for slot, item in slots.items()})


if __name__ == "__main__":
    main()
