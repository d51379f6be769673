"""moto's server as its own process: S3, SQS, SES and SNS over HTTP. `python -m local.objects PORT`.

moto leaves every request's body in a reference cycle, so that several uploads pile up in memory until Python happens
to collect them; collecting each second keeps the peak at about twice the largest body (docs/decisions/0002).
"""

import gc
import sys
import threading
import time
from contextlib import suppress

from moto.server import main as serve


def collect(period_seconds: float = 1.0) -> None:
    """Collect garbage for ever."""
    while True:
        time.sleep(period_seconds)
        gc.collect()


def main() -> None:
    """Serve on 127.0.0.1 until killed."""
    threading.Thread(target=collect, name="collect", daemon=True).start()
    with suppress(KeyboardInterrupt):
        serve(["--host", "127.0.0.1", "--port", sys.argv[1]])


if __name__ == "__main__":
    main()
