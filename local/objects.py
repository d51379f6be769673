"""moto's server as its own process: S3, SQS, SES and SNS over HTTP. `python -m local.objects PORT MAIL_FOLDER`.

The mails that SES takes are laid out in the folder: see local.mailbox.

moto leaves every request's body in a reference cycle, so that several uploads pile up in memory until Python happens
to collect them; collecting each second keeps the peak at about twice the largest body (docs/decisions/0002).
"""

import gc
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from moto.server import main as serve
from moto.ses.models import ses_backends

from local import mailbox


def collect(period_seconds: float = 1.0) -> None:
    """Collect garbage for ever."""
    while True:
        time.sleep(period_seconds)
        gc.collect()


def sent_mails() -> list[str]:
    """Every message that this process's SES took, as it came, oldest first."""
    backends = [backend for regions in list(ses_backends.values()) for backend in list(regions.values())]
    return [message.raw_data for backend in backends for message in list(backend.sent_messages)]


def main() -> None:
    """Serve on 127.0.0.1 until killed."""
    threading.Thread(target=collect, name="collect", daemon=True).start()
    deliver = threading.Thread(target=mailbox.deliver, args=[sent_mails, Path(sys.argv[2])], name="mail", daemon=True)
    deliver.start()
    with suppress(KeyboardInterrupt):
        serve(["--host", "127.0.0.1", "--port", sys.argv[1]])


if __name__ == "__main__":
    main()
